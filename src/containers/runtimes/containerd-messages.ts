import type { Container } from "../../model/container.js";
import { readFields, readTextEntry } from "../../protobuf/reader.js";
import { containerOf, isKnownLabel, NO_VARIABLES, variablesOfSpec } from "./description.js";

/*
 * The messages of containerd's services that are read, field numbers from its API (api/services/…/v1, api/types, api/events):
 *   Container       1 id, 2 labels map, 3 image, 5 spec Any
 *   Envelope        2 namespace, 3 topic, 4 event Any
 *   ContainerCreate, ContainerUpdate  1 id        Namespace  1 name        VersionResponse  1 version
 *   Any             1 type_url, 2 value; of a spec the value is the OCI specification in JSON
 */

const KIND_LABEL = "io.cri-containerd.kind";
/** Kubernetes through Docker says so in this one. */
const DOCKER_KIND_LABEL = "io.kubernetes.docker.type";
const NERDCTL_NAME_LABEL = "nerdctl/name";
const DOCKER_NAMESPACE = "moby";
const HEX_ID = /^[0-9a-f]{64}$/;
const ID_CHARACTERS = 256;
const NAMESPACE = /^[A-Za-z0-9._-]{1,128}$/;

/** Each message that a list, or an item of a streamed one, has as its field 1. */
export function messagesOf(answer: Uint8Array, onMessage: (message: Uint8Array) => void): void {
  readFields(answer, (field, value) => {
    if (field === 1) onMessage(value.bytes());
  });
}

/** Undefined where it has no id. A specification that is not read is counted, and the container is known without it. */
export function readContainer(
  message: Uint8Array,
  namespace: string,
  malformedPart: () => void,
): Container | undefined {
  let id = "";
  let image = "";
  let spec: Uint8Array | undefined;
  const labels = new Map<string, string>();
  readFields(message, (field, value) => {
    if (field === 1) id = value.text();
    else if (field === 2) {
      const [key, text] = readTextEntry(value.bytes());
      if (isKnownLabel(key)) labels.set(key, text);
    } else if (field === 3) image = value.text();
    else if (field === 5) spec = value.bytes();
  });
  if (id === "" || id.length > ID_CHARACTERS) return undefined;
  const variables = spec === undefined ? NO_VARIABLES : variablesOfSpec(valueOfAny(spec));
  if (variables === undefined) malformedPart();
  return containerOf({
    id,
    runtime: namespace === DOCKER_NAMESPACE ? "docker" : "containerd",
    // ctr's containers have the name that somebody chose as their id.
    name: labels.get(NERDCTL_NAME_LABEL) ?? (HEX_ID.test(id) ? "" : id),
    image,
    labels,
    sandbox: labels.get(KIND_LABEL) === "sandbox" || labels.get(DOCKER_KIND_LABEL) === "podsandbox",
    variables: variables ?? NO_VARIABLES,
  });
}

/** The id of the container that an event's envelope is about. */
export function idOfEvent(envelope: Uint8Array): string | undefined {
  let id: string | undefined;
  readFields(envelope, (field, value) => {
    if (field !== 4) return;
    readFields(valueOfAny(value.bytes()), (inner, text) => {
      if (inner === 1) id = text.text();
    });
  });
  return id === "" ? undefined : id;
}

export function readNamespaces(answer: Uint8Array): readonly string[] {
  const names: string[] = [];
  messagesOf(answer, (namespace) => {
    const name = readText(namespace, 1);
    // It becomes a header.
    if (NAMESPACE.test(name)) names.push(name);
  });
  return names;
}

export function readVersion(answer: Uint8Array): string {
  return readText(answer, 1);
}

/** One text of a message, "" where it is not there. */
export function readText(message: Uint8Array, wanted: number): string {
  let text = "";
  readFields(message, (field, value) => {
    if (field === wanted) text = value.text();
  });
  return text;
}

function valueOfAny(any: Uint8Array): Uint8Array {
  let found = new Uint8Array();
  readFields(any, (field, value) => {
    if (field === 2) found = value.bytes() as Uint8Array<ArrayBuffer>;
  });
  return found;
}
