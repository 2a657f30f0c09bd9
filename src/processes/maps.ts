/** A range of a process's memory, [start, end). */
export interface MemoryRange {
  readonly start: bigint;
  readonly end: bigint;
}

/** Where a process context may be: in ranges by its name, its payload in any that are memory and no file. */
export interface ContextRanges {
  readonly named: readonly MemoryRange[];
  readonly memory: readonly MemoryRange[];
}

/** The names that a context's mapping can have: anonymous and named, shared and named, or a memfd's. */
const NAMES = ["[anon:OTEL_CTX]", "[anon_shmem:OTEL_CTX]", "/memfd:OTEL_CTX", "/memfd:OTEL_CTX (deleted)"];
/**
 * The kernel's own tmpfs, where memfds and shared anonymous memory live; it is mounted before any other, so its device
 * is the same on every machine, and no file system of a container's can have that number. A file elsewhere may be
 * served by FUSE, by a program that never answers.
 */
const KERNEL_TMPFS = "00:01";
const MAX_RANGES = 65_536;
const LINE = /^([0-9a-f]{1,16})-([0-9a-f]{1,16}) (r)\S{3} [0-9a-f]+ ([0-9a-f]+:[0-9a-f]+) (\d+)(?: +(.*))?$/;

/** Cheap: whether the text of /proc/PID/maps can hold a context at all, which most processes' does not. */
export function mayHaveContext(maps: Buffer): boolean {
  return maps.includes("OTEL_CTX");
}

/** Reads the text of /proc/PID/maps; lines that are not as the kernel writes them, a cut one too, are passed over. */
export function contextRanges(maps: string): ContextRanges {
  const named: MemoryRange[] = [];
  const memory: MemoryRange[] = [];
  for (const line of maps.split("\n", MAX_RANGES)) {
    const match = LINE.exec(line);
    if (match === null) continue;
    const [, start, end, , device, inode, name = ""] = match;
    if (inode !== "0" && device !== KERNEL_TMPFS) continue;
    const range = { start: BigInt(`0x${start}`), end: BigInt(`0x${end}`) };
    memory.push(range);
    if (NAMES.includes(name)) named.push(range);
  }
  return { named, memory };
}

/**
 * Whether all of the bytes lie in these ranges, which are in order of address; they may go over neighbours' borders.
 */
export function liesIn(ranges: readonly MemoryRange[], address: bigint, length: number): boolean {
  let at = address;
  const end = address + BigInt(length);
  for (const range of ranges) {
    if (at >= range.start && at < range.end) at = range.end;
    if (at >= end) return true;
  }
  return false;
}
