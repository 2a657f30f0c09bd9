import { MalformedMessage, readFields } from "../protobuf/reader.js";

/**
 * OpenTelemetry's process context, OTEP 4719 (oteps/profiles/4719-process-ctx.md of opentelemetry-specification, as of
 * 2026): an SDK publishes its resource attributes in the process's own memory, for readers outside. A header:
 *
 *     0  char[8]  "OTEL_CTX", written last        16  u64  when published, CLOCK_BOOTTIME; 0 while it changes
 *     8  u32      version, 2                      24  u64  address of the payload
 *    12  u32      bytes of the payload
 *
 * in the machine's byte order (little-endian on both machines we run on), and a payload, protobuf: processcontext
 * v1development ProcessContext { 1 resource: Resource { 1 attributes: KeyValue[] }, 2 attributes }. Drafts of version 2
 * had the Resource itself; both are read.
 */
export interface ContextHeader {
  readonly payloadBytes: number;
  readonly publishedNs: bigint;
  readonly payloadAddress: bigint;
}

/** What of a context a label may come from. "" where it is not said. */
export interface ProcessContext {
  readonly service: string;
  readonly env: string;
  readonly version: string;
}

/** Why there is a context's mapping but no context. */
export type ContextProblem = "signature" | "version" | "size" | "changing" | "malformed";

export const HEADER_BYTES = 32;
const SIGNATURE = Buffer.from("OTEL_CTX", "latin1");
const VERSION = 2;
/** As much as the reader of OpenTelemetry's own profiler takes. */
export const MAX_PAYLOAD_BYTES = 64 * 1024;
const MAX_ATTRIBUTES = 1024;
const MAX_VALUE_BYTES = 1024;

/** deployment.environment was the name before semantic conventions 1.27. */
const KEYS: Readonly<Record<string, keyof ProcessContext>> = {
  "service.name": "service",
  "deployment.environment.name": "env",
  "deployment.environment": "env",
  "service.version": "version",
};

export function parseContextHeader(bytes: Buffer): ContextHeader | ContextProblem {
  if (bytes.length < HEADER_BYTES || bytes.compare(SIGNATURE, 0, 8, 0, 8) !== 0) return "signature";
  if (bytes.readUInt32LE(8) !== VERSION) return "version";
  const payloadBytes = bytes.readUInt32LE(12);
  if (payloadBytes === 0 || payloadBytes > MAX_PAYLOAD_BYTES) return "size";
  const publishedNs = bytes.readBigUInt64LE(16);
  if (publishedNs === 0n) return "changing";
  return { payloadBytes, publishedNs, payloadAddress: bytes.readBigUInt64LE(24) };
}

/** The attributes that name a service. Of one that stands twice, the first counts; what is no string is passed over. */
export function parseContextPayload(bytes: Uint8Array): ProcessContext | ContextProblem {
  const found = { service: "", env: "", version: "" };
  let attributes = 0;
  const take = (attribute: Uint8Array): void => {
    if (++attributes > MAX_ATTRIBUTES) throw new MalformedMessage(`more than ${MAX_ATTRIBUTES} attributes`);
    takeAttribute(attribute, found);
  };
  try {
    for (const message of messagesOf(bytes, 1)) {
      if (isKeyValue(message)) take(message);
      else messagesOf(message, 1).forEach(take);
    }
    return found;
  } catch (error) {
    if (error instanceof MalformedMessage) return "malformed";
    throw error;
  }
}

/** What stands under a number and has a length. */
function messagesOf(bytes: Uint8Array, wanted: number): readonly Uint8Array[] {
  const messages: Uint8Array[] = [];
  readFields(bytes, (field, value) => {
    if (field === wanted && value.isText) messages.push(value.bytes());
  });
  return messages;
}

/** A KeyValue's second field is a message, a Resource's a number. */
function isKeyValue(bytes: Uint8Array): boolean {
  let second: boolean | undefined;
  readFields(bytes, (field, value) => {
    if (field === 2) second ??= value.isText;
  });
  return second === true;
}

/** KeyValue { 1 key, 2 value: AnyValue { 1 string_value } }. */
function takeAttribute(bytes: Uint8Array, found: Record<keyof ProcessContext, string>): void {
  const key = keyOf(messagesOf(bytes, 1).at(-1));
  const text = messagesOf(bytes, 2)
    .flatMap((value) => messagesOf(value, 1))
    .at(-1);
  if (key !== undefined && text !== undefined && found[key] === "") {
    found[key] = Buffer.from(text.subarray(0, MAX_VALUE_BYTES)).toString("utf8");
  }
}

function keyOf(bytes: Uint8Array | undefined): keyof ProcessContext | undefined {
  if (bytes === undefined || bytes.length > 64) return undefined;
  const key = Buffer.from(bytes).toString("utf8");
  return Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
}
