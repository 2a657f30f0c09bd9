import { SHF_EXECINSTR, SHT_NOBITS } from "../elf/constants.js";
import type { ElfFile, ElfSegment } from "../elf/elf-file.js";
import type { Extents } from "./merge.js";

/** Between functions there is padding, up to 63 bytes of it. */
const MIN_GAP_BYTES = 64;
/** Row addresses are 32 bits. */
const MAX_FILE_OFFSET = 0xffff_ffff;

/** File offset ranges of the segments that no function of these sources covers, long enough to be code; ascending. */
export function* gaps(segments: readonly ElfSegment[], sources: readonly Extents[]): Generator<[number, number]> {
  const positions = sources.map(() => 0);
  for (const { fileOffset, fileSize } of segments) {
    const end = Math.min(fileOffset + fileSize, MAX_FILE_OFFSET);
    let at = fileOffset;
    while (at < end) {
      let next = end;
      for (let i = 0; i < sources.length; i++) {
        const { functions, order, count, ends } = sources[i];
        let position = positions[i];
        while (position < count && ends[order[position]] <= at) position++;
        positions[i] = position;
        if (position < count) next = Math.min(next, functions.starts[order[position]]);
      }
      if (next > at) {
        if (next - at >= MIN_GAP_BYTES) yield [at, next];
        at = next;
      } else {
        at = endOf(sources, positions, at);
      }
    }
  }
}

/** Where the function ends that covers this offset, the furthest of them. */
function endOf(sources: readonly Extents[], positions: readonly number[], at: number): number {
  let end = at + 1;
  for (let i = 0; i < sources.length; i++) {
    const { functions, order, count, ends } = sources[i];
    if (positions[i] === count) continue;
    const index = order[positions[i]];
    if (functions.starts[index] <= at) end = Math.max(end, ends[index]);
  }
  return end;
}

/**
 * The ranges that lie in sections of code: a file linked without separate segments has its constants in an executable one. A
 * file without section headers has nothing but its segments.
 */
export function* inCodeSections(
  { sections }: ElfFile,
  ranges: Iterable<readonly [number, number]>,
): Generator<[number, number]> {
  const code: [number, number][] = [];
  const executable = sections.filter(({ type, flags }) => type !== SHT_NOBITS && (flags & SHF_EXECINSTR) !== 0);
  for (const { fileOffset, size } of executable.sort((a, b) => a.fileOffset - b.fileOffset)) {
    const last = code.at(-1);
    if (last !== undefined && fileOffset <= last[1]) last[1] = Math.max(last[1], fileOffset + size);
    else code.push([fileOffset, fileOffset + size]);
  }
  if (code.length === 0) {
    yield* ranges as Iterable<[number, number]>;
    return;
  }
  let first = 0;
  for (const [from, to] of ranges) {
    while (first < code.length && code[first][1] <= from) first++;
    for (let i = first; i < code.length && code[i][0] < to; i++) {
      yield [Math.max(from, code[i][0]), Math.min(to, code[i][1])];
    }
  }
}
