import { randomUUID } from "node:crypto";
import type { Destination } from "../delivery/destination.js";
import type { LabelledProfile, ProfileBatch } from "../model/labelled-profile.js";
import type { Upload } from "../model/upload.js";
import { PLAIN_NAMES } from "../profiles/pprof.js";
import { MessageWriter } from "../protobuf/writer.js";
import { type LabelPair, legalLabels } from "./encoding/label-names.js";
import { type PartLimits, pprofParts } from "./encoding/parts.js";
import { COMMON_OPTIONS, type IntakeModule, readSettings, refuseOpenSecret } from "./intake.js";
import { INTAKE_PORTS } from "./kinds.js";
import { secretFile, secretText, word } from "./options/option.js";
import { grpcSender } from "./transport/grpc.js";
import { httpSender, type SecretHeader } from "./transport/sender.js";

const METHOD = "/parca.profilestore.v1alpha1.ProfileStoreService/WriteRaw";
const GATEWAY_PATH = "/profiles/writeraw";

/** Its gRPC takes 32 MiB; the gateway's JSON is a third larger than what is in it. */
const LIMITS: PartLimits = { plainBytes: 64 * 2 ** 20, packedBytes: 16 * 2 ** 20, samples: Number.POSITIVE_INFINITY };
const MAX_LABELS = 100;
const title = "a Parca";

const options = {
  ...COMMON_OPTIONS,
  protocol: word(["grpc", "http"], "gRPC, or the HTTP gateway on the same port"),
  token: secretText("one line of text", "a bearer's token"),
  "token-file": secretFile("the same, read from a file at each use"),
} as const;

/** Parca: WriteRaw, the door for pprof; its own agent's Arrow is for samples without names. */
export const parca: IntakeModule = {
  kind: "parca",
  title,
  port: INTAKE_PORTS.parca,
  options,
  open(spec): Destination {
    const settings = readSettings({ kind: "parca", title, table: options, ownPath: GATEWAY_PATH }, spec);
    const { name, shown, transport, values } = settings;
    const token = values.token ?? values["token-file"];
    const headers: readonly SecretHeader[] =
      token === undefined ? [] : [{ name: "authorization", secret: token, value: (text) => `Bearer ${text}` }];
    if (token !== undefined) refuseOpenSecret("parca", settings);
    return values.protocol === "grpc"
      ? { name, address: shown, encode: (batch) => encode(batch, grpcUpload), ...grpcSender(transport, headers) }
      : { name, address: shown, encode: (batch) => encode(batch, gatewayUpload), ...httpSender(transport, headers) };
  },
};

type Request = Pick<Upload, "path" | "headers" | "body">;
type MakeRequest = (labels: readonly LabelPair[], pprof: Uint8Array) => Request;

async function* encode(batch: ProfileBatch, make: MakeRequest): AsyncGenerator<Upload, void, undefined> {
  for (const labelled of batch.profiles) {
    for await (const { pprof } of pprofParts(labelled, PLAIN_NAMES, LIMITS)) {
      const request = make(labelsOf(labelled), pprof);
      yield { id: randomUUID(), startNs: batch.startNs, endNs: batch.endNs, profiles: 1, ...request };
    }
  }
}

/** WriteRawRequest{2 series: {1 labels: {1 labels: {1 name, 2 value}}, 2 samples: {1 raw_profile}}, 3 normalized}. */
function grpcUpload(labels: readonly LabelPair[], pprof: Uint8Array): Request {
  const set = new MessageWriter();
  for (const [name, value] of labels) set.message(1, new MessageWriter().text(1, name).text(2, value));
  const series = new MessageWriter().message(1, set).message(2, new MessageWriter().bytes(1, pprof));
  return { path: METHOD, headers: {}, body: new MessageWriter().message(2, series).bool(3, true).finish() };
}

/** The same as protocol buffers' JSON. */
function gatewayUpload(labels: readonly LabelPair[], pprof: Uint8Array): Request {
  const set = { labels: labels.map(([name, value]) => ({ name, value })) };
  const samples = [{ rawProfile: Buffer.from(pprof).toString("base64") }];
  const body = Buffer.from(JSON.stringify({ series: [{ labels: set, samples }], normalized: true }), "utf8");
  return { path: GATEWAY_PATH, headers: { "content-type": "application/json" }, body };
}

/** The type of what is stored is made of the name and the sample types: process_cpu:cpu:nanoseconds:cpu:nanoseconds:delta. */
function labelsOf({ service, env, version, labels }: LabelledProfile): readonly LabelPair[] {
  const own: LabelPair[] = [
    ["__name__", "process_cpu"],
    ["service_name", service],
    ["env", env],
    ["version", version],
  ];
  return legalLabels([...own, ...labels], MAX_LABELS);
}
