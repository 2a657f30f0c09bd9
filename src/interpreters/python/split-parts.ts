import { PT_GNU_EH_FRAME } from "../../elf/constants.js";
import { type ElfFile, toFileOffset } from "../../elf/elf-file.js";
import type { ExportedSymbol } from "../../elf/exports.js";
import type { CodeRange } from "../code-range.js";

/** The loop has some 60 KiB; a part of it is no larger than all of it. */
const MAX_CODE_BYTES = 1 << 20;
const MAX_FDES = 1 << 20;
const ROW_BYTES = 8;
/** Of an FDE: length, CIE, start, extent, when addresses have four bytes each. */
const FDE_BYTES = 16;
/** udata4, and sdata4 relative to the table: what linkers write (LSB, "The .eh_frame_hdr section"). */
const COUNT_ENCODING = 0x03;
const TABLE_ENCODING = 0x3b;
/** Bytes that are no jump may look like one; so many do not lead into one function's middle, and back. */
const LEAST_JUMPS = 3;

interface Extent {
  readonly start: number;
  readonly end: number;
}

/**
 * Parts of a function that the compiler put elsewhere, of a file whose symbols do not tell: functions by the call frame
 * information into whose middle its jumps lead, and which jump back into its own. What is called or jumped to as a
 * function is entered at its start. x86-64 only.
 */
export function splitParts(elf: ElfFile, loop: ExportedSymbol): CodeRange[] {
  const table = elf.machine === "x86-64" ? openTable(elf) : undefined;
  const own = { start: loop.elfAddress, end: loop.elfAddress + loop.size };
  if (table === undefined) return [];
  const jumps = new Map<number, { extent: Extent; targets: number }>();
  for (const target of jumpsOutOf(elf, own)) {
    const extent = table(target);
    if (extent === undefined || target === extent.start || extent.start === own.start) continue;
    const known = jumps.get(extent.start) ?? { extent, targets: 0 };
    known.targets++;
    jumps.set(extent.start, known);
  }
  const parts: CodeRange[] = [];
  for (const { extent, targets } of jumps.values()) {
    if (targets < LEAST_JUMPS) continue;
    const back = jumpsOutOf(elf, extent).filter((target) => target > own.start && target < own.end);
    if (back.length < LEAST_JUMPS) continue;
    parts.push({ elfAddress: extent.start, size: extent.end - extent.start, role: 0 });
  }
  return parts.slice(0, 1);
}

/** Where direct jumps of these bytes lead, outside of them: jmp and jcc with four bytes of distance (Intel SDM, volume 2). */
function jumpsOutOf(elf: ElfFile, { start, end }: Extent): number[] {
  const offset = toFileOffset(elf, start);
  if (offset === undefined || end - start > MAX_CODE_BYTES) return [];
  const code = elf.source.read(offset, end - start);
  const targets: number[] = [];
  if (code === undefined) return targets;
  for (let at = 0; at + 6 <= code.length; at++) {
    const isConditional = code[at] === 0x0f && (code[at + 1] & 0xf0) === 0x80;
    if (!isConditional && code[at] !== 0xe9) continue;
    const operand = at + (isConditional ? 2 : 1);
    const target = start + operand + 4 + code.readInt32LE(operand);
    if (target < start || target >= end) targets.push(target);
  }
  return targets;
}

/** Looks up which function, by .eh_frame_hdr's table, an address lies in. */
function openTable(elf: ElfFile): ((address: number) => Extent | undefined) | undefined {
  const segment = elf.segments.find(({ type }) => type === PT_GNU_EH_FRAME);
  const head = segment && elf.source.read(segment.fileOffset, 12);
  if (segment === undefined || head === undefined) return undefined;
  if (head[0] !== 1 || head[2] !== COUNT_ENCODING || head[3] !== TABLE_ENCODING) return undefined;
  const count = Math.min(head.readUInt32LE(8), MAX_FDES);
  const rows = elf.source.read(segment.fileOffset + 12, count * ROW_BYTES);
  if (rows === undefined) return undefined;
  const table = Buffer.from(rows);
  return (address) => {
    let [low, high] = [0, count];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (segment.elfAddress + table.readInt32LE(middle * ROW_BYTES) <= address) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return undefined;
    const start = segment.elfAddress + table.readInt32LE((low - 1) * ROW_BYTES);
    const fde = toFileOffset(elf, segment.elfAddress + table.readInt32LE((low - 1) * ROW_BYTES + 4));
    const size = fde === undefined ? undefined : elf.source.read(fde, FDE_BYTES)?.readUInt32LE(12);
    return size !== undefined && address < start + size ? { start, end: start + size } : undefined;
  };
}
