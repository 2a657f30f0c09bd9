import { PT_GNU_EH_FRAME } from "../../elf/constants.js";
import { type ElfFile, toFileOffset } from "../../elf/elf-file.js";

/** A piece of code. */
export interface Piece {
  readonly elfAddress: number;
  readonly size: number;
}

/** Where node's text has V8's embedded builtins. */
export interface Builtins extends Piece {
  /** InterpreterEntryTrampoline, and its twin for profilers that some versions have. */
  readonly entries: readonly EntryTrampoline[];
  /** Bytes from the isolate's root register to the pointer to the dispatch table; undefined in versions without one. */
  readonly dispatchTable: number | undefined;
}

export interface EntryTrampoline extends Piece {
  /** Distance from its beginning to where it begins to set up its frame, and to where that is complete. */
  readonly push: number;
  readonly built: number;
}

/** Hdr entries are two 32-bit numbers: encoding 0x3b, "datarel sdata4", is what every linker writes (LSB, "DWARF Extensions"). */
const TABLE_ENCODING = "1b033b";
const MAX_TABLE_ENTRIES = 1 << 20;
/** The embedded builtins are 1.4 to 2.2 MB in V8 10 to 14. */
const MIN_BYTES = 256 << 10;
const MAX_BYTES = 16 << 20;
/** Other code without unwind information, and room that linkers leave, may be large too: so many gaps are looked at. */
const MAX_GAPS = 4;
/** call rcx; mov r12, [rbp - 32]: the interpreter's loop calls a handler, and takes up its bytecode array again. */
const CALL_OF_HANDLER = Buffer.from("ffd14c8b65e0", "hex");
const PROLOGUE = Buffer.from("554889e5565750", "hex"); // push rbp; mov rbp, rsp; push rsi; push rdi; push rax
const PUSH_OFFSET = Buffer.from("48c1e12051", "hex"); // shl rcx, 32; push rcx: the bytecode's offset is the frame's last word
/** shr ebx, 8; shl ebx, 4: a handle becomes the offset of its entry, after mov r10, [r13 + disp32]; mov rbx, r15. */
const DISPATCH_INDEX = Buffer.from("c1eb08c1e304", "hex");
const DISPATCH_LOAD = Buffer.from("4d8b95", "hex");
const INT3 = 0xcc;
/** Builtins begin at multiples of this, behind int3 (kCodeAlignment, src/codegen/constants-arch.h). */
const ALIGNMENT = 64;
const MAX_ENTRY_BYTES = 4096;

/**
 * The builtins are the one large piece of code in node that no unwind information tells of: assembly that V8 generates without it
 * (src/snapshot/embedded/). Found by that, and by the interpreter's loop in it; for their symbols are not exported from Node.js
 * 24.11 on, and a stripped file has none. x86-64 only.
 */
export function findBuiltins(elf: ElfFile): Builtins | undefined {
  if (elf.machine !== "x86-64") return undefined;
  for (const { start, end } of findGaps(elf)) {
    const offset = toFileOffset(elf, start);
    const bytes = offset === undefined ? undefined : elf.source.read(offset, end - start);
    if (bytes === undefined) continue;
    const entries = findEntries(bytes, start);
    if (entries.length === 0) continue;
    return { elfAddress: start, size: end - start, entries, dispatchTable: findDispatchTable(bytes) };
  }
  return undefined;
}

interface Gap {
  readonly start: number;
  readonly end: number;
}

/** Between the end of one function with unwind information and the beginning of the next, the largest first. */
function findGaps(elf: ElfFile): Gap[] {
  const segment = elf.segments.find(({ type }) => type === PT_GNU_EH_FRAME);
  const header = segment && elf.source.read(segment.fileOffset, 12);
  if (segment === undefined || header?.toString("hex", 1, 4) !== TABLE_ENCODING) return [];
  const count = Math.min(header.readUInt32LE(8), MAX_TABLE_ENTRIES);
  const table = elf.source.read(segment.fileOffset + 12, count * 8);
  if (table === undefined) return [];
  const rows: { row: number; size: number }[] = [];
  for (let row = 0; row + 1 < count; row++) {
    const size = table.readInt32LE(8 * row + 8) - table.readInt32LE(8 * row);
    if (size >= MIN_BYTES && size <= MAX_BYTES) rows.push({ row, size });
  }
  rows.sort((one, other) => other.size - one.size);
  return rows.slice(0, MAX_GAPS).map(({ row, size }) => {
    const first = segment.elfAddress + table.readInt32LE(8 * row);
    const description = toFileOffset(elf, segment.elfAddress + table.readInt32LE(8 * row + 4));
    // Of a frame description: length, CIE, beginning, and how many bytes the function has.
    const known = description === undefined ? undefined : elf.source.read(description + 12, 4)?.readUInt32LE(0);
    return { start: first + Math.min(known ?? 0, size), end: first + size };
  });
}

function findEntries(bytes: Buffer, elfAddress: number): EntryTrampoline[] {
  const entries: EntryTrampoline[] = [];
  for (let at = bytes.indexOf(CALL_OF_HANDLER); at >= 0 && entries.length < 2;) {
    const entry = entryAround(bytes, elfAddress, at);
    if (entry !== undefined) entries.push(entry);
    at = bytes.indexOf(CALL_OF_HANDLER, at + 1);
  }
  return entries;
}

/** The function that the call of a handler is in. */
function entryAround(bytes: Buffer, elfAddress: number, call: number): EntryTrampoline | undefined {
  const isBoundary = (at: number): boolean => (elfAddress + at) % ALIGNMENT === 0 && bytes[at - 1] === INT3;
  let start = call;
  while (start > 0 && call - start < MAX_ENTRY_BYTES && !isBoundary(start)) start--;
  let end = call;
  while (end < bytes.length && end - call < MAX_ENTRY_BYTES && !isBoundary(end)) end++;
  if (!isBoundary(start) || !isBoundary(end)) return undefined;
  const body = bytes.subarray(start, call);
  const push = body.lastIndexOf(PROLOGUE);
  const offset = push < 0 ? -1 : body.indexOf(PUSH_OFFSET, push);
  if (offset < 0 || offset + PUSH_OFFSET.length > 0xff) return undefined;
  return { elfAddress: elfAddress + start, size: end - start, push, built: offset + PUSH_OFFSET.length };
}

function findDispatchTable(bytes: Buffer): number | undefined {
  for (let at = bytes.indexOf(DISPATCH_INDEX); at >= 0; at = bytes.indexOf(DISPATCH_INDEX, at + 1)) {
    const load = at - 10;
    if (load >= 0 && DISPATCH_LOAD.equals(bytes.subarray(load, load + 3))) return bytes.readUInt32LE(load + 3);
  }
  return undefined;
}
