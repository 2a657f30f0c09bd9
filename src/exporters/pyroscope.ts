import { randomUUID } from "node:crypto";
import type { Destination } from "../delivery/destination.js";
import type { LabelledProfile, ProfileBatch } from "../model/labelled-profile.js";
import { TOOL_NAME } from "../model/tool.js";
import type { Upload } from "../model/upload.js";
import type { PprofNames } from "../profiles/pprof.js";
import { MessageWriter } from "../protobuf/writer.js";
import { type LabelPair, legalLabels } from "./encoding/label-names.js";
import { type PartLimits, pprofParts } from "./encoding/parts.js";
import { COMMON_OPTIONS, type IntakeModule, readSettings, refuseOpenSecret } from "./intake.js";
import { INTAKE_PORTS } from "./kinds.js";
import { secretFile, secretText, shortText, word } from "./options/option.js";
import { httpSender, type SecretHeader } from "./transport/sender.js";

const PUSH_PATH = "/push.v1.PusherService/Push";
const INGEST_PATH = "/ingest";

/**
 * No thread's labels: Pyroscope makes a series of each set of labels that samples have, so a series of each thread. No dash in a
 * sample type, which it refuses.
 */
const NAMES: PprofNames = { samples: "samples", cpu: "cpu", thread: undefined };

/** Its defaults are 4 MiB before compression and 16,000 samples. */
const LIMITS: PartLimits = { plainBytes: 4 * 2 ** 20, packedBytes: 4 * 2 ** 20, samples: 16_000 };
const MAX_LABELS = 30;

const title = "a Pyroscope";

const options = {
  ...COMMON_OPTIONS,
  protocol: word(["push", "ingest"], "push.v1, or /ingest as older servers and others' have it"),
  tenant: shortText("a tenant's name", /^[\w!.*'()-]+$/, "whose profiles they are, on a server of many tenants"),
  user: shortText(
    "a user without a colon",
    /^[^\s:]+$/,
    "for a server behind HTTP Basic: its user, or Grafana Cloud's instance number",
  ),
  password: secretText("one line of text", "the password, or Grafana Cloud's token"),
  "password-file": secretFile("the same, read from a file at each use"),
  token: secretText("one line of text", "for a server behind a proxy that wants a bearer's token"),
  "token-file": secretFile("the same, read from a file at each use"),
} as const;

/** Grafana Pyroscope: push.v1 as Connect speaks it, in protocol buffers over HTTP/1.1. */
export const pyroscope: IntakeModule = {
  kind: "pyroscope",
  title,
  port: INTAKE_PORTS.pyroscope,
  options,
  open(spec): Destination {
    const ownPath = spec.options["protocol"] === "ingest" ? INGEST_PATH : PUSH_PATH;
    const settings = readSettings({ kind: "pyroscope", title, table: options, ownPath }, spec);
    const { name, shown, transport, values } = settings;
    const headers = authorization(values);
    if (headers.length > 0) refuseOpenSecret("pyroscope", settings);
    const tenant = values.tenant === undefined ? {} : { "x-scope-orgid": values.tenant };
    const make = values.protocol === "push" ? pushUpload : ingestUpload;
    return {
      name,
      address: shown,
      encode: (batch) => encode(batch, make, tenant),
      ...httpSender(transport, headers),
    };
  },
};

type Headers = Readonly<Record<string, string>>;
type MakeUpload = (batch: ProfileBatch, labelled: LabelledProfile, pprof: Uint8Array, headers: Headers) => Upload;

async function* encode(
  batch: ProfileBatch,
  make: MakeUpload,
  headers: Headers,
): AsyncGenerator<Upload, void, undefined> {
  for (const labelled of batch.profiles) {
    for await (const { pprof } of pprofParts(labelled, NAMES, LIMITS)) yield make(batch, labelled, pprof, headers);
  }
}

/** PushRequest{1 series: {1 labels: {1 name, 2 value}, 2 samples: {1 raw_profile, 2 ID}}}. */
function pushUpload(
  { startNs, endNs }: ProfileBatch,
  labelled: LabelledProfile,
  pprof: Uint8Array,
  headers: Headers,
): Upload {
  const id = randomUUID();
  const series = new MessageWriter();
  const named: LabelPair[] = [
    ["__name__", "process_cpu"],
    ["service_name", serviceOf(labelled)],
    ...labelsOf(labelled),
  ];
  for (const [name, value] of legalLabels(named, MAX_LABELS)) {
    series.message(1, new MessageWriter().text(1, name).text(2, value));
  }
  series.message(2, new MessageWriter().bytes(1, pprof).text(2, id));
  return {
    id,
    startNs,
    endNs,
    profiles: 1,
    path: PUSH_PATH,
    headers: { "content-type": "application/proto", "connect-protocol-version": "1", ...headers },
    body: new MessageWriter().message(1, series).finish(),
  };
}

function ingestUpload(
  { startNs, endNs }: ProfileBatch,
  labelled: LabelledProfile,
  pprof: Uint8Array,
  headers: Headers,
): Upload {
  const labels = legalLabels(labelsOf(labelled), MAX_LABELS - 5).map(([name, value]) => `${name}=${keyValue(value)}`);
  const query = new URLSearchParams({
    name: `${serviceOf(labelled).replace(/[^\w.-]/g, "_")}{${labels.join(",")}}`,
    from: String(startNs / 1_000_000_000n),
    until: String(endNs / 1_000_000_000n),
    format: "pprof",
    spyName: TOOL_NAME,
  });
  return {
    id: randomUUID(),
    startNs,
    endNs,
    profiles: 1,
    path: `${INGEST_PATH}?${query.toString()}`,
    headers: { "content-type": "application/octet-stream", ...headers },
    body: pprof,
  };
}

function serviceOf({ service }: LabelledProfile): string {
  return service === "" ? "unknown_service" : service;
}

function labelsOf({ env, version, labels }: LabelledProfile): readonly LabelPair[] {
  return [["env", env], ["version", version], ...labels];
}

/** The key's own grammar has no way to quote what ends a value. */
function keyValue(value: string): string {
  return value.replace(/[{},=\s"]/g, "_");
}

function authorization(values: {
  readonly [Name in "user" | "password" | "password-file" | "token" | "token-file"]: (typeof options)[Name]["fallback"];
}): readonly SecretHeader[] {
  const { user, password = values["password-file"], token = values["token-file"] } = values;
  if (token !== undefined && password !== undefined) {
    throw new Error(`pyroscope has both a password and a token; give one of them.`);
  }
  if (token !== undefined) return [{ name: "authorization", secret: token, value: (text) => `Bearer ${text}` }];
  if (password === undefined && user === undefined) return [];
  if (password === undefined) throw new Error(`pyroscope has a user and no password; give "password-file" too.`);
  if (user === undefined) throw new Error(`pyroscope has a password and no user; give its option "user" too.`);
  const value = (text: string): string => `Basic ${Buffer.from(`${user}:${text}`, "utf8").toString("base64")}`;
  return [{ name: "authorization", secret: password, value }];
}
