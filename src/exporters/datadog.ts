import { randomUUID } from "node:crypto";
import type { Destination } from "../delivery/destination.js";
import type { LabelledProfile, ProfileBatch } from "../model/labelled-profile.js";
import { TOOL_NAME, TOOL_VERSION } from "../model/tool.js";
import type { Upload } from "../model/upload.js";
import type { PprofNames } from "../profiles/pprof.js";
import { datadogTags, type TagOptions } from "./encoding/datadog-tags.js";
import { formOf } from "./encoding/multipart.js";
import { type PartLimits, pprofParts } from "./encoding/parts.js";
import { isoTime } from "./encoding/time.js";
import { COMMON_OPTIONS, type IntakeModule, readSettings, refuseOpenSecret } from "./intake.js";
import { INTAKE_PORTS } from "./kinds.js";
import { secretFile, secretText, shortText } from "./options/option.js";
import { httpSender } from "./transport/sender.js";

/** What the agent, the intake and Datakit call their door. */
export const AGENT_PATH = "/profiling/v1/input";
const INTAKE_PATH = "/api/v2/profile";
const ATTACHMENT = "cpu.pprof";

/**
 * The names of Datadog's full-host profiler, whose profiles the UI shows as CPU time. Ids are text there: a number is a measure.
 */
export const DATADOG_NAMES: PprofNames = {
  samples: "cpu-samples",
  cpu: "cpu-time",
  thread: { pid: "process_id", tid: "thread id", comm: "thread name", idsAreText: true },
};

/** A URL of Datadog's intake itself, and not of an agent. */
const DIRECT = /^https?:\/\/(intake\.profile\.|[^?#]*\/api\/v2\/profile\/*$)/;

/** Datadog's own uploader refuses more than 16 MiB; a margin for what is around it. */
const LIMITS: PartLimits = { plainBytes: 64 * 2 ** 20, packedBytes: 15 * 2 ** 20, samples: Number.POSITIVE_INFINITY };

/** The forms in which Datadog's clients name a container: anything else would be taken for none, or for another's. */
const CONTAINER_ID = /^([0-9a-f]{64}|[0-9a-f]{32}-\d+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

const options = {
  ...COMMON_OPTIONS,
  "api-key": secretText(
    "Datadog's API key, 32 lower-case letters and digits",
    "send to Datadog itself, where no agent's URL is given",
    /^[a-z0-9]{32}$/,
  ),
  "api-key-file": secretFile("the same, read from a file at each use"),
  site: shortText(
    "a site of Datadog's such as datadoghq.eu",
    /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$/,
    "Datadog's site, with an API key; datadoghq.com unless told",
  ),
} as const;

/** Datadog: an agent on the node (TCP or Unix socket), or Datadog's intake itself where an API key is given. */
export const datadog: IntakeModule = {
  kind: "datadog",
  title: "a Datadog Agent",
  port: INTAKE_PORTS.datadog,
  options,
  open(spec): Destination {
    const isDirect = spec.url === undefined || DIRECT.test(spec.url);
    const settings = readSettings(
      {
        kind: "datadog",
        title: "a Datadog Agent",
        table: options,
        ownPath: isDirect ? INTAKE_PATH : AGENT_PATH,
        addressFrom: (values) => {
          const key = values["api-key"] ?? values["api-key-file"];
          return key === undefined ? undefined : `https://intake.profile.${values.site ?? "datadoghq.com"}`;
        },
      },
      spec,
    );
    const { values, name, shown, transport } = settings;
    // An agent has a key of its own, and ours is not for it to see.
    const apiKey = isDirect ? (values["api-key"] ?? values["api-key-file"]) : undefined;
    if (isDirect && apiKey === undefined) {
      throw new Error(`datadog sends to ${shown} with an API key only; give its option "api-key-file".`);
    }
    if (apiKey !== undefined) refuseOpenSecret("datadog", settings);
    const headers = apiKey === undefined ? [] : [{ name: "dd-api-key", secret: apiKey, value: (key: string) => key }];
    const path = isDirect ? INTAKE_PATH : AGENT_PATH;
    let sequence = 0;
    return {
      name,
      address: shown,
      encode: (batch) => {
        // Where an agent is in between, it adds its host.
        return encodeForms(batch, { sequence: sequence++, hostTag: isDirect }, path, {});
      },
      ...httpSender(transport, headers),
    };
  },
};

/** One upload for each profile, or more where it is too large for one. `event` is put into event.json beside what all have. */
export async function* encodeForms(
  batch: ProfileBatch,
  tags: TagOptions,
  path: string,
  event: Readonly<Record<string, unknown>>,
): AsyncGenerator<Upload, void, undefined> {
  for (const labelled of batch.profiles) {
    for await (const { pprof, profile } of pprofParts(labelled, DATADOG_NAMES, LIMITS)) {
      yield uploadOf(batch, { ...labelled, profile }, pprof, datadogTags(labelled, tags), path, event);
    }
  }
}

function uploadOf(
  { startNs, endNs }: ProfileBatch,
  { labels }: LabelledProfile,
  pprof: Uint8Array,
  tags: readonly string[],
  path: string,
  more: Readonly<Record<string, unknown>>,
): Upload {
  const id = randomUUID();
  const event = {
    start: isoTime(startNs),
    end: isoTime(endNs),
    attachments: [ATTACHMENT],
    tags_profiler: tags.join(","),
    family: "ebpf",
    version: "4",
    // Nobody here knows of a service's endpoints.
    endpoint_counts: null,
    info: { profiler: { version: TOOL_VERSION } },
    ...more,
  };
  const form = formOf(
    [
      {
        name: "event",
        fileName: "event.json",
        contentType: "application/json",
        body: Buffer.from(JSON.stringify(event), "utf8"),
      },
      { name: ATTACHMENT, fileName: ATTACHMENT, contentType: "application/octet-stream", body: pprof },
    ],
    `hostflame-${id}`,
  );
  const containerId = labels.get("container_id") ?? "";
  return {
    id,
    startNs,
    endNs,
    profiles: 1,
    path,
    headers: {
      "content-type": form.contentType,
      "dd-evp-origin": TOOL_NAME,
      "dd-evp-origin-version": TOOL_VERSION,
      ...(CONTAINER_ID.test(containerId)
        ? { "datadog-container-id": containerId, "datadog-entity-id": `ci-${containerId}` }
        : {}),
    },
    body: form.body,
  };
}
