import type { CgroupId } from "../../model/cgroup.js";
import type { ProcessKey } from "../../model/process-key.js";
import { limits, pythonCodeLayout as at, pythonTable, recordKind } from "../../native/abi.generated.js";

/** What a code object's names are made of. */
export interface PythonCode {
  readonly minor: number;
  /** co_qualname, before 3.11 co_name; "" where it could not be read. */
  readonly name: string;
  /** co_filename; "" where it could not be read. */
  readonly fileName: string;
  /** co_firstlineno. */
  readonly firstLine: number;
  /** co_linetable, before 3.10 co_lnotab. */
  readonly table: Uint8Array;
  /** Whether all of the table is there. */
  readonly isTableWhole: boolean;
}

/** A code object of a process. */
export interface PythonCodeRecord {
  readonly process: ProcessKey;
  readonly cgroup: CgroupId;
  readonly address: number;
  readonly cookie: number;
  /** Equal for equal code objects: what {@link readCode} is made of. */
  readonly content: Uint8Array;
}

const HEAD = at.sizeOf;
const MAX_LINE = 0x7fffffff;

/** Takes apart struct abi_python_code; undefined where it says something impossible. */
export function readCodeRecord(record: Uint8Array): PythonCodeRecord | undefined {
  if (record.length < HEAD || record[at.kind] !== recordKind.pythonCode) return undefined;
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  const name = view.getUint16(at.nameBytes, true);
  const file = view.getUint16(at.fileBytes, true);
  const table = view.getUint16(at.tableBytes, true);
  if (HEAD + name + file + table > record.length) return undefined;
  return {
    process: { pid: view.getUint32(at.pid, true), startTimeNs: view.getBigUint64(at.startTimeNs, true) },
    cgroup: view.getBigUint64(at.cgroupId, true) as CgroupId,
    address: Number(view.getBigUint64(at.address, true)),
    cookie: view.getUint32(at.cookie, true),
    content: contentOf(record, HEAD + name + file + table),
  };
}

/** Without what is the process's own. */
function contentOf(record: Uint8Array, length: number): Uint8Array {
  const content = record.slice(0, length);
  content.fill(0, at.pid, at.firstLine);
  return content;
}

/** Of {@link PythonCodeRecord.content}. */
export function readCode(content: Uint8Array): PythonCode {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const nameEnd = HEAD + view.getUint16(at.nameBytes, true);
  const fileEnd = nameEnd + view.getUint16(at.fileBytes, true);
  const tableEnd = fileEnd + view.getUint16(at.tableBytes, true);
  const firstLine = view.getUint32(at.firstLine, true);
  return {
    minor: content[at.minor],
    name: readText(content.subarray(HEAD, nameEnd), content[at.nameWidth]),
    fileName: readText(content.subarray(nameEnd, fileEnd), content[at.fileWidth]),
    firstLine: firstLine > MAX_LINE ? 0 : firstLine,
    table: content.slice(fileEnd, tableEnd),
    isTableWhole: content[at.tableState] === pythonTable.whole,
  };
}

/** PEP 393: a string's characters have one, two or four bytes each. */
function readText(bytes: Uint8Array, width: number): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength - (bytes.byteLength % (width || 1)));
  const isCut = bytes.byteLength >= limits.pythonTextBytes;
  let text = "";
  if (width === 1) text = buffer.toString("latin1");
  else if (width === 2) text = buffer.toString("utf16le");
  else if (width === 4) {
    for (let at = 0; at < buffer.length; at += 4) {
      const point = buffer.readUInt32LE(at);
      text += point <= 0x10ffff ? String.fromCodePoint(point) : "\ufffd";
    }
  }
  // Halves of surrogate pairs become U+FFFD.
  return Buffer.from(isCut ? `${text}…` : text).toString();
}
