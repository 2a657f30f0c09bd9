import { closeSync, openSync, readSync } from "node:fs";

/** A node of hundreds of pods has as many mounts, a JVM a thousand mappings; hostile ones more. */
const MAX_TEXT_BYTES = 2 << 20;

/** A file of /proc, cut at 2 MiB; throws the system's error. */
export function readProcText(path: string): string {
  const fd = openSync(path, "r");
  try {
    const pieces: Buffer[] = [];
    for (let length = 0; length < MAX_TEXT_BYTES;) {
      const piece = Buffer.allocUnsafe(16 << 10);
      const bytes = readSync(fd, piece, 0, piece.length, null);
      if (bytes === 0) break;
      pieces.push(piece.subarray(0, bytes));
      length += bytes;
    }
    return Buffer.concat(pieces).toString("latin1");
  } finally {
    closeSync(fd);
  }
}
