import type { Container, RuntimeName, ServiceVariables } from "../../model/container.js";
import { readFields, readTextEntry } from "../../protobuf/reader.js";
import {
  containerOf,
  isKnownLabel,
  memberOf,
  NO_VARIABLES,
  parseObject,
  POD_LABELS,
  variablesOf,
} from "./description.js";

/*
 * The messages of CRI v1 that are read, field numbers from k8s.io/cri-api/pkg/apis/runtime/v1/api.proto:
 *   VersionResponse           2 runtime_name, 3 runtime_version
 *   Container                 1 id, 3 metadata{1 name}, 4 image{1 image, 18 user_specified_image}, 8 labels
 *   PodSandbox                1 id, 2 metadata{1 name, 2 uid, 3 namespace}, 5 labels
 *   ContainerStatusResponse   1 status{1 id, 2 metadata{1 name}, 8 image, 12 labels}, 2 info map
 *   PodSandboxStatusResponse  1 status{1 id, 2 metadata{1 name, 2 uid, 3 namespace}, 7 labels}
 */

interface FieldNumbers {
  readonly metadata: number;
  readonly image: number;
  readonly labels: number;
}

const LISTED = { metadata: 3, image: 4, labels: 8 };
const LISTED_SANDBOX = { metadata: 2, image: 0, labels: 5 };
const STATUS = { metadata: 2, image: 8, labels: 12 };
const SANDBOX_STATUS = { metadata: 2, image: 0, labels: 7 };
/** The JSON that a verbose status carries; the specification in it is most of that. */
const INFO_CHARACTERS = 2 * 1024 * 1024;
const ID_CHARACTERS = 256;

export function readVersion(answer: Uint8Array): { readonly name: string; readonly version: string } {
  let name = "";
  let version = "";
  readFields(answer, (field, value) => {
    if (field === 2) name = value.text();
    else if (field === 3) version = value.text();
  });
  return { name, version };
}

export function readList(
  answer: Uint8Array,
  kind: "container" | "sandbox",
  runtime: RuntimeName,
): readonly Container[] {
  const containers: Container[] = [];
  const numbers = kind === "container" ? LISTED : LISTED_SANDBOX;
  readFields(answer, (field, value) => {
    if (field !== 1) return;
    const container = readDescription(value.bytes(), numbers, kind === "sandbox", runtime, NO_VARIABLES);
    if (container !== undefined) containers.push(container);
  });
  return containers;
}

/** A container with the service variables of its specification, where the runtime shows it. */
export function readContainerStatus(
  answer: Uint8Array,
  runtime: RuntimeName,
  malformedPart: () => void,
): Container | undefined {
  let status: Uint8Array | undefined;
  let variables: ServiceVariables | undefined = NO_VARIABLES;
  readFields(answer, (field, value) => {
    if (field === 1) status = value.bytes();
    else if (field === 2) {
      const [key, text] = readTextEntry(value.bytes());
      if (key === "info") variables = variablesOfInfo(text);
    }
  });
  if (variables === undefined) malformedPart();
  return status && readDescription(status, STATUS, false, runtime, variables ?? NO_VARIABLES);
}

export function readSandboxStatus(answer: Uint8Array, runtime: RuntimeName): Container | undefined {
  let status: Uint8Array | undefined;
  readFields(answer, (field, value) => {
    if (field === 1) status = value.bytes();
  });
  return status && readDescription(status, SANDBOX_STATUS, true, runtime, NO_VARIABLES);
}

function readDescription(
  message: Uint8Array,
  numbers: FieldNumbers,
  sandbox: boolean,
  runtime: RuntimeName,
  variables: ServiceVariables,
): Container | undefined {
  let id = "";
  let metadata = { name: "", uid: "", namespace: "" };
  let image = "";
  const labels = new Map<string, string>();
  readFields(message, (field, value) => {
    if (field === 1) id = value.text();
    else if (field === numbers.metadata) metadata = readMetadata(value.bytes());
    else if (field === numbers.image) image = readImage(value.bytes());
    else if (field === numbers.labels) {
      const [key, text] = readTextEntry(value.bytes());
      if (isKnownLabel(key)) labels.set(key, text);
    }
  });
  if (id === "" || id.length > ID_CHARACTERS) return undefined;
  if (sandbox && metadata.uid !== "") {
    labels.set(POD_LABELS.uid, metadata.uid);
    labels.set(POD_LABELS.name, metadata.name);
    labels.set(POD_LABELS.namespace, metadata.namespace);
  }
  return containerOf({ id, runtime, name: sandbox ? "" : metadata.name, image, labels, sandbox, variables });
}

/** Of a container only the name is there. */
function readMetadata(message: Uint8Array): { name: string; uid: string; namespace: string } {
  const metadata = { name: "", uid: "", namespace: "" };
  readFields(message, (field, value) => {
    if (field === 1) metadata.name = value.text();
    // Of a container field 2 is a number, its attempt.
    else if (field === 2 && value.isText) metadata.uid = value.text();
    else if (field === 3) metadata.namespace = value.text();
  });
  return metadata;
}

/** As the pod has it where the runtime tells; the other may be a digest. */
function readImage(message: Uint8Array): string {
  let image = "";
  let asked = "";
  readFields(message, (field, value) => {
    if (field === 1) image = value.text();
    else if (field === 18) asked = value.text();
  });
  return asked === "" ? image : asked;
}

/** Undefined where the JSON is none. A runtime that shows no specification leaves no variables. */
function variablesOfInfo(info: string): ServiceVariables | undefined {
  if (info.length > INFO_CHARACTERS) return undefined;
  const object = parseObject(info);
  if (object === undefined) return undefined;
  return variablesOf(memberOf(memberOf(memberOf(object, "runtimeSpec"), "process"), "env"));
}
