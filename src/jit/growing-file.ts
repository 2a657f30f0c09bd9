import { fstatSync, readSync } from "node:fs";

/** A descriptor, or bytes that stand for a file; it may grow, and be cut, at any time. */
export interface GrowingSource {
  /** Bytes there now. */
  size(): number;
  /** Fills the buffer from a position of the file; how many bytes there were. */
  read(buffer: Uint8Array, position: number): number;
}

export function descriptorSource(fd: number): GrowingSource {
  return {
    size: () => fstatSync(fd).size,
    read: (buffer, position) => readSync(fd, buffer, 0, buffer.length, position),
  };
}

/** UTF-8 text at a position up to, and without, a byte; cut at the buffer's length. "" where it cannot be read. */
export function readText(source: GrowingSource, position: number, end: number, buffer: Buffer): string {
  let length: number;
  try {
    length = source.read(buffer, position);
  } catch {
    return ""; // counted as a name that is not there
  }
  const stop = buffer.subarray(0, length).indexOf(end);
  return buffer.toString("utf8", 0, stop >= 0 ? stop : length).trim();
}
