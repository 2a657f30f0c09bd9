import { printable } from "../../util/printable.js";

/** Whose samples are asked for; undefined: anybody's. All that is given must hold. */
export interface ProfileFilter {
  readonly namespace: string | undefined;
  readonly pod: string | undefined;
  /** Its name, or its id. */
  readonly container: string | undefined;
  /** As the host counts. */
  readonly pid: number | undefined;
}

export interface RecordingQuery extends ProfileFilter {
  readonly seconds: number;
}

export interface ListQuery extends Omit<ProfileFilter, "pid"> {
  readonly service: string | undefined;
}

/** What a query says, or one sentence about what is wrong with it. */
export type QueryReading<T> = { readonly value: T } | { readonly problem: string };

/** As Go's own handler. */
const DEFAULT_SECONDS = 30;
const MAX_SECONDS = 300;
/** The kernel's largest pid_max, on 64-bit machines. */
const MAX_PID = 4_194_304;
/** Of a text in a message. */
const SHOWN = 60;

interface Parameter {
  readonly accepts: string;
  readonly pattern: RegExp;
  readonly most?: number;
}

const NAMESPACE: Parameter = { accepts: "the name of a namespace", pattern: /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/ };
const POD: Parameter = {
  accepts: "the name of a pod",
  pattern: /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
};
const CONTAINER: Parameter = {
  accepts: "the name or the id of a container",
  pattern: /^[A-Za-z0-9][\w.-]{0,252}$/,
};
const WHOSE = { namespace: NAMESPACE, pod: POD, container: CONTAINER };
const RECORDING = {
  seconds: { accepts: `a whole number from 1 to ${MAX_SECONDS}`, pattern: /^\d{1,9}$/, most: MAX_SECONDS },
  ...WHOSE,
  pid: { accepts: `a process id as the host counts, 1 to ${MAX_PID}`, pattern: /^\d{1,9}$/, most: MAX_PID },
} satisfies Record<string, Parameter>;
const LIST = {
  ...WHOSE,
  service: { accepts: "the name of a service, at most 200 characters", pattern: /^[^\0-\x1f\x7f]{1,200}$/ },
} satisfies Record<string, Parameter>;

/** "seconds=5&namespace=shop&pod=cart-0" → what to record. Anything may stand in it. */
export function readRecordingQuery(query: string): QueryReading<RecordingQuery> {
  const read = readParameters(query, RECORDING);
  if ("problem" in read) return read;
  const { seconds, pid, namespace, pod, container } = read.value;
  return {
    value: {
      ...{ namespace, pod, container },
      seconds: seconds === undefined ? DEFAULT_SECONDS : Number(seconds),
      pid: pid === undefined ? undefined : Number(pid),
    },
  };
}

/** "namespace=shop&service=cart" → which of the kept profiles are listed. */
export function readListQuery(query: string): QueryReading<ListQuery> {
  const read = readParameters(query, LIST);
  if ("problem" in read) return read;
  const { namespace, pod, container, service } = read.value;
  return { value: { namespace, pod, container, service } };
}

/** A parameter that nobody knows is refused: a mistyped "namespce" would else give everybody's samples for one's own. */
function readParameters<Name extends string>(
  query: string,
  known: Readonly<Record<Name, Parameter>>,
): QueryReading<Readonly<Partial<Record<Name, string>>>> {
  const values: Partial<Record<Name, string>> = {};
  for (const [name, text] of new URLSearchParams(query)) {
    if (!isOneOf(name, known)) {
      return { problem: `There is no parameter ${shown(name)}: there are ${Object.keys(known).join(", ")}.` };
    }
    if (values[name] !== undefined) {
      return { problem: `The parameter ${name} is there twice: give it once.` };
    }
    const { accepts, pattern, most = Infinity } = known[name];
    if (!pattern.test(text) || (most < Infinity && (Number(text) < 1 || Number(text) > most))) {
      return { problem: `The parameter ${name} does not accept ${shown(text)}: it accepts ${accepts}.` };
    }
    values[name] = text;
  }
  return { value: values };
}

function isOneOf<Name extends string>(name: string, known: Readonly<Record<Name, Parameter>>): name is Name {
  return Object.hasOwn(known, name);
}

function shown(text: string): string {
  return `"${printable(text.slice(0, SHOWN))}${text.length > SHOWN ? "…" : ""}"`;
}
