import type { LabelledProfile } from "../../model/labelled-profile.js";
import type { CodeKind, Profile, ProfileThread } from "../../model/profile.js";
import { TOOL_NAME, TOOL_VERSION } from "../../model/tool.js";
import { MessageWriter } from "../../protobuf/writer.js";
import { Dictionary } from "./dictionary.js";

/** Frame types of the semantic conventions; of an interpreter's or generated code the language is not told here. */
const FRAME_TYPES: Readonly<Partial<Record<CodeKind, string>>> = { kernel: "kernel", native: "native" };

/** Attributes of the semantic conventions for what our labels say; other labels keep their names. */
const RESOURCE_NAMES: ReadonlyMap<string, string> = new Map([
  ["node", "k8s.node.name"],
  ["namespace", "k8s.namespace.name"],
  ["pod", "k8s.pod.name"],
  ["pod_uid", "k8s.pod.uid"],
  ["container", "k8s.container.name"],
  ["container_id", "container.id"],
  ["image", "container.image.name"],
]);
/** What a sample takes at most, mostly. */
const SAMPLE_BYTES = 24;
/** For what is around a message of another. */
const ROOM = 256;
const WORKLOADS: ReadonlyMap<string, string> = new Map([
  ["Deployment", "k8s.deployment.name"],
  ["StatefulSet", "k8s.statefulset.name"],
  ["DaemonSet", "k8s.daemonset.name"],
  ["Job", "k8s.job.name"],
  ["CronJob", "k8s.cronjob.name"],
]);

/**
 * ExportProfilesServiceRequest{1 resource_profiles, 2 dictionary} of opentelemetry-proto 1.11.0 (v1development), of one profile. Its
 * sample type is samples/count: what a row counts is ticks, so that times the period they are CPU time.
 */
export function encodeExportRequest(labelled: LabelledProfile, profileId: Uint8Array): Uint8Array {
  const dictionary = new Dictionary();
  const profile = profileOf(labelled.profile, profileId, dictionary);
  const scope = new MessageWriter().text(1, TOOL_NAME).text(2, TOOL_VERSION);
  const scopeProfiles = new MessageWriter(ROOM + profile.length).message(1, scope).message(2, profile);
  const resource = resourceOf(labelled);
  const resourceProfiles = new MessageWriter(ROOM + resource.length + scopeProfiles.length);
  resourceProfiles.message(1, resource).message(2, scopeProfiles);
  const tables = dictionary.message();
  return new MessageWriter(ROOM + resourceProfiles.length + tables.length)
    .message(1, resourceProfiles)
    .message(2, tables)
    .finish();
}

/** Resource{1 attributes: KeyValue{1 key, 2 value}}. */
function resourceOf({ service, env, version, labels }: LabelledProfile): MessageWriter {
  const attributes = new Map<string, string>([
    ["service.name", service === "" ? "unknown_service" : service],
    ["service.version", version],
    ["deployment.environment.name", env],
  ]);
  for (const [label, value] of labels) {
    const name = label === "workload" ? WORKLOADS.get(labels.get("workload_kind") ?? "") : RESOURCE_NAMES.get(label);
    attributes.set(name ?? label, value);
    if (label === "node") attributes.set("host.name", value);
  }
  const resource = new MessageWriter();
  for (const [key, value] of attributes) {
    if (value === "") continue;
    resource.message(1, new MessageWriter().text(1, key).message(2, new MessageWriter().text(1, value)));
  }
  return resource;
}

function profileOf(profile: Profile, profileId: Uint8Array, dictionary: Dictionary): MessageWriter {
  addMappings(profile, dictionary);
  addFunctions(profile, dictionary);
  addLocations(profile, dictionary);
  addStacks(profile, dictionary);
  const message = new MessageWriter(ROOM + SAMPLE_BYTES * profile.samples.length);
  message.message(1, valueType("samples", "count", dictionary));
  writeSamples(message, profile, dictionary);
  return message
    .fixed64(3, profile.timeNs)
    .varint(4, profile.durationNs)
    .message(5, valueType("cpu", "nanoseconds", dictionary))
    .varint(6, Math.round(profile.periodNs))
    .bytes(7, profileId);
}

function valueType(type: string, unit: string, dictionary: Dictionary): MessageWriter {
  return new MessageWriter().varint(1, dictionary.text(type)).varint(2, dictionary.text(unit));
}

/** Each row of the profile's own tables is one further down in the dictionary's, whose first is the zero value. */
function addMappings({ mappings }: Profile, dictionary: Dictionary): void {
  for (const { start, limit, fileOffset, fileName, buildId } of mappings) {
    const attributes = buildId === "" ? [] : [dictionary.attribute("process.executable.build_id.gnu", buildId)];
    const row = new MessageWriter()
      .varint(1, BigInt(start))
      .varint(2, BigInt(limit))
      .varint(3, fileOffset)
      .varint(4, dictionary.text(fileName))
      .packed(5, attributes);
    dictionary.add("mapping", row);
  }
}

function addFunctions({ functions }: Profile, dictionary: Dictionary): void {
  const row = new MessageWriter();
  for (const { name, systemName, fileName, startLine } of functions) {
    row
      .clear()
      .varint(1, dictionary.text(name))
      .varint(2, dictionary.text(systemName))
      .varint(3, dictionary.text(fileName))
      .varint(4, startLine);
    dictionary.add("function", row);
  }
}

function addLocations({ locations }: Profile, dictionary: Dictionary): void {
  const row = new MessageWriter();
  const inner = new MessageWriter();
  for (const { mappingIndex, address, kind, lines } of locations) {
    row
      .clear()
      .varint(1, mappingIndex + 1)
      .varint(2, address);
    for (const { functionIndex, line } of lines) {
      const at = inner
        .clear()
        .varint(1, functionIndex + 1)
        .varint(2, line);
      row.message(3, at);
    }
    const type = FRAME_TYPES[kind];
    if (type !== undefined) row.packed(4, [dictionary.attribute("profile.frame.type", type)]);
    dictionary.add("location", row);
  }
}

function addStacks({ stacks }: Profile, dictionary: Dictionary): void {
  const row = new MessageWriter();
  for (let stack = 0; stack < stacks.length; stack++) {
    row.clear().packedColumn(1, stacks.locations, stacks.offsets[stack], stacks.offsets[stack + 1], 1);
    dictionary.add("stack", row);
  }
}

/** Sample{1 stack_index, 2 attribute_indices, 4 values}: what is of one stack and alike in its attributes is one sample. */
function writeSamples(message: MessageWriter, { samples, threads }: Profile, dictionary: Dictionary): void {
  // Threads that are alike go by the number of the first of them.
  const attributes = threads.map((thread) => attributesOf(thread, dictionary));
  const first = new Map<string, number>();
  const alike = attributes.map((own, thread) => {
    const key = own.join(" ");
    const known = first.get(key) ?? thread;
    first.set(key, known);
    return known;
  });
  const ticks = new Map<number, number>();
  for (let row = 0; row < samples.length; row++) {
    const key = samples.stack[row] * threads.length + alike[samples.thread[row]];
    ticks.set(key, (ticks.get(key) ?? 0) + samples.ticks[row]);
  }
  const sample = new MessageWriter();
  for (const [key, sum] of ticks) {
    const thread = key % threads.length;
    sample
      .clear()
      .varint(1, (key - thread) / threads.length + 1)
      .packed(2, attributes[thread])
      .packed(4, [sum]);
    message.message(2, sample);
  }
}

function attributesOf({ pid, tid, comm }: ProfileThread, dictionary: Dictionary): readonly number[] {
  const attributes = [dictionary.attribute("process.pid", pid), dictionary.attribute("thread.id", tid)];
  if (comm !== "") attributes.push(dictionary.attribute("thread.name", comm));
  return attributes;
}
