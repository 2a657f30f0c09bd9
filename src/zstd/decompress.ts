import * as zlib from "node:zlib";
import { decodeFrames } from "./frames.js";

/** What Node.js 22.15 and later have of it; its types here are 20's. */
interface NativeZstd {
  readonly zstdDecompressSync?: (bytes: Uint8Array, options: Record<string, unknown>) => Buffer;
}

/** ZSTD_d_windowLogMax of zstd.h: what Node.js itself names only from that version on. */
const WINDOW_LOG_MAX = 100;
/** Copies reach no further back than the output is large, and no section inflated here is larger. */
const MAX_WINDOW_LOG = 26;

/**
 * Inflates zstd frames that hold exactly `size` bytes, by Node.js where it can and else by our own decoder; a clause on what
 * is wrong when they do not. No more than `size` bytes are allocated for them, which the caller has found bearable, and a
 * buffer of some hundred KiB.
 */
export function decompressZstd(bytes: Uint8Array, size: number): Buffer | string {
  const native = (zlib as NativeZstd).zstdDecompressSync;
  return native === undefined ? decompressHere(bytes, size) : decompressNatively(native, bytes, size);
}

/** The same, by our own decoder in any case. */
export function decompressHere(bytes: Uint8Array, size: number): Buffer | string {
  const out = Buffer.allocUnsafeSlow(size);
  return decodeFrames(bytes, out) ?? out;
}

function decompressNatively(
  native: NonNullable<NativeZstd["zstdDecompressSync"]>,
  bytes: Uint8Array,
  size: number,
): Buffer | string {
  try {
    const out = native(bytes, {
      maxOutputLength: Math.max(size, 1),
      chunkSize: Math.max(size + 64, 1024),
      params: { [WINDOW_LOG_MAX]: MAX_WINDOW_LOG },
    });
    return out.length === size ? out : `${out.length} of ${size} bytes`;
  } catch (error) {
    return (error as Error).message;
  }
}
