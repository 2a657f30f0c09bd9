import {
  SERVICE_VARIABLES,
  type Container,
  type PodReference,
  type RuntimeName,
  type ServiceVariables,
} from "../../model/container.js";

/** Names and images; who needs longer ones wants something else. */
const TEXT_BYTES = 1024;
/** Values that are longer are left out: half a value would be a wrong one. */
const VARIABLE_BYTES = 4096;
/** A specification that is longer is not read: real ones have 3 to 30 KiB. */
const SPEC_BYTES = 1024 * 1024;
const MAX_VARIABLES = 10_000;

/** Kubernetes' own labels, which kubelet gives every container whatever the runtime. */
export const POD_LABELS = {
  name: "io.kubernetes.pod.name",
  namespace: "io.kubernetes.pod.namespace",
  uid: "io.kubernetes.pod.uid",
  container: "io.kubernetes.container.name",
} as const;

export interface Description {
  readonly id: string;
  readonly runtime: RuntimeName;
  readonly name: string;
  readonly image: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly sandbox: boolean;
  readonly variables: ServiceVariables;
}

/** A container out of what a runtime says: frozen, its texts cut. */
export function containerOf({ id, runtime, name, image, labels, sandbox, variables }: Description): Container {
  return Object.freeze({
    id,
    runtime,
    name: cutText(labels.get(POD_LABELS.container) ?? name),
    image: cutText(image),
    pod: podReferenceOf(labels),
    sandbox,
    variables,
  });
}

/** The labels that anybody here reads, so that the others are not kept while a list is read. */
export function isKnownLabel(key: string): boolean {
  return key.startsWith("io.kubernetes.") || key.startsWith("io.cri-containerd.") || key.startsWith("nerdctl/name");
}

function podReferenceOf(labels: ReadonlyMap<string, string>): PodReference | undefined {
  const uid = labels.get(POD_LABELS.uid) ?? "";
  const name = labels.get(POD_LABELS.name) ?? "";
  if (uid === "" || name === "") return undefined;
  const namespace = labels.get(POD_LABELS.namespace) ?? "";
  return Object.freeze({ uid: cutText(uid), namespace: cutText(namespace), name: cutText(name) });
}

/** The text within 1 KiB of UTF-8, not cut within a character. */
export function cutText(text: string): string {
  if (text.length * 3 <= TEXT_BYTES) return text;
  const bytes = Buffer.from(text.slice(0, TEXT_BYTES), "utf8");
  if (bytes.length <= TEXT_BYTES) return bytes.toString("utf8");
  let end = TEXT_BYTES;
  // A byte 10xxxxxx goes on with the character before it.
  while ((bytes[end] & 0xc0) === 0x80) end--;
  return bytes.toString("utf8", 0, end);
}

/** The service variables of an OCI specification in JSON; undefined when it is not one. No other variable leaves here. */
export function variablesOfSpec(json: Uint8Array): ServiceVariables | undefined {
  if (json.length > SPEC_BYTES) return undefined;
  const spec = parseObject(Buffer.from(json.buffer, json.byteOffset, json.length).toString("utf8"));
  return spec === undefined ? undefined : variablesOf(memberOf(memberOf(spec, "process"), "env"));
}

/** The service variables among ["NAME=value", …]; the last of a name counts: it is the one that runc hands on. */
export function variablesOf(environment: unknown): ServiceVariables {
  if (!Array.isArray(environment)) return NO_VARIABLES;
  const variables = new Map<string, string>();
  for (const entry of environment.slice(0, MAX_VARIABLES) as readonly unknown[]) {
    if (typeof entry !== "string") continue;
    const name = SERVICE_VARIABLES.find((known) => entry.startsWith(known) && entry[known.length] === "=");
    if (name === undefined) continue;
    const value = entry.slice(name.length + 1);
    if (Buffer.byteLength(value) <= VARIABLE_BYTES) variables.set(name, value);
    else variables.delete(name);
  }
  return variables.size === 0 ? NO_VARIABLES : Object.freeze(Object.fromEntries(variables));
}

export const NO_VARIABLES: ServiceVariables = Object.freeze({});

/** The JSON object in the text, undefined for everything else. */
export function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A member of what may be an object; its own, never a prototype's. */
export function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}
