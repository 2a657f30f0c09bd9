import { crc32 } from "node:zlib";
import type { Upload } from "../model/upload.js";

/*
 * One upload as a file: eight hex digits, the CRC-32 (zlib's) of everything after them and the blank; a line of JSON, so that
 * `head -1` tells a person what it is; the body as it is sent.
 *
 *   5f0c11d2 {"version":1,"id":"…","startNs":"…",…,"bodyBytes":31022}⏎<body>
 *
 * The checksum is against torn and rotten files, not against whoever may write into the folder.
 */

/** Raised when an older agent could not read what a newer one wrote. */
const VERSION = 1;
const CHECKSUM_CHARACTERS = 9;
const NEWLINE = 0x0a;
/** Of the line, in bytes: what destinations write takes some hundreds. */
export const MAX_HEAD_BYTES = 64 << 10;
const MAX_HEADERS = 100;

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;
/** Names that HTTP allows (RFC 9110, 5.6.2). */
const HEADER_NAME = /^[!#$%&'*+.^_`|~\w-]{1,128}$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** Below the destination's address: never another host ("//host", "@host"), never a second request. */
const PATH = /^(\/(?!\/)[\x21-\x7e]*|\?[\x21-\x7e]*)?$/;
const NANOSECONDS = /^\d{1,19}$/;

/** The bytes in front of the body. The file is both, one after the other. */
export function uploadFileHead(upload: Upload): Uint8Array {
  const line = headLineOf(upload);
  const checksum = crc32(upload.body, crc32(line));
  return Buffer.from(`${checksum.toString(16).padStart(8, "0")} ${line}`);
}

/** How large its file would be; undefined where the upload is such that it would not be read again. */
export function uploadFileBytes(upload: Upload): number | undefined {
  const headBytes = CHECKSUM_CHARACTERS + Buffer.byteLength(headLineOf(upload));
  const { id, startNs, endNs, profiles, path, headers, body } = upload;
  const head = { id, startNs: String(startNs), endNs: String(endNs), profiles, path, headers };
  const isWhole = headBytes <= MAX_HEAD_BYTES && uploadOf({ ...head, bodyBytes: body.byteLength }, body) !== undefined;
  return isWhole ? headBytes + body.byteLength : undefined;
}

function headLineOf({ id, startNs, endNs, profiles, path, headers, body }: Upload): string {
  return `${JSON.stringify({
    version: VERSION,
    id,
    startNs: String(startNs),
    endNs: String(endNs),
    profiles,
    path,
    headers,
    bodyBytes: body.byteLength,
  })}\n`;
}

/** Why a file is no upload. */
export type UploadFileFault = "corrupt" | "unknown-version";

/** The upload in a file's bytes, whose body is a view of them; or what is wrong with it. Never throws. */
export function readUploadFile(file: Uint8Array): Upload | UploadFileFault {
  const newline = file.subarray(0, MAX_HEAD_BYTES).indexOf(NEWLINE);
  if (newline < CHECKSUM_CHARACTERS) return "corrupt";
  const checksum = Buffer.from(file.buffer, file.byteOffset, CHECKSUM_CHARACTERS).toString("latin1");
  if (!/^[\da-f]{8} $/.test(checksum)) return "corrupt";
  if (crc32(file.subarray(CHECKSUM_CHARACTERS)) !== Number.parseInt(checksum, 16)) return "corrupt";
  const head = parseJson(Buffer.from(file.buffer, file.byteOffset, newline).toString("utf8", CHECKSUM_CHARACTERS));
  if (!isRecord(head)) return "corrupt";
  if (head["version"] !== VERSION) return typeof head["version"] === "number" ? "unknown-version" : "corrupt";
  return uploadOf(head, file.subarray(newline + 1)) ?? "corrupt";
}

function uploadOf(head: Readonly<Record<string, unknown>>, body: Uint8Array): Upload | undefined {
  const { id, startNs, endNs, profiles, path, headers, bodyBytes } = head;
  const isWhole =
    matches(id, UUID) &&
    matches(startNs, NANOSECONDS) &&
    matches(endNs, NANOSECONDS) &&
    Number.isSafeInteger(profiles) &&
    (profiles as number) >= 0 &&
    matches(path, PATH) &&
    areHeaders(headers) &&
    bodyBytes === body.byteLength;
  if (!isWhole) return undefined;
  return { id, startNs: BigInt(startNs), endNs: BigInt(endNs), profiles: profiles as number, path, headers, body };
}

function areHeaders(value: unknown): value is Record<string, string> {
  if (!isRecord(value)) return false;
  const entries = Object.entries(value);
  return entries.length <= MAX_HEADERS && entries.every(([k, v]) => HEADER_NAME.test(k) && matches(v, HEADER_VALUE));
}

function matches(value: unknown, pattern: RegExp): value is string {
  return typeof value === "string" && pattern.test(value);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the caller says "corrupt"
  }
}
