import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { errnoOf } from "../util/errno.js";

/** The image is a page or two of code; a kernel that maps more than this maps something else. */
const IMAGE_BYTES_LIMIT = 256 << 10;

/**
 * The vDSO of this machine's 64-bit processes: one image that the kernel maps into each, so ours is theirs.
 * Undefined when there is none (vdso=0 on the kernel's command line).
 */
export function readVdso(): Uint8Array | undefined {
  const line = readFileSync("/proc/self/maps", "latin1")
    .split("\n")
    .find((text) => text.endsWith("[vdso]"));
  const range = line?.match(/^([0-9a-f]+)-([0-9a-f]+) /);
  if (!range) {
    return undefined;
  }
  const start = parseInt(range[1], 16);
  const length = parseInt(range[2], 16) - start;
  if (length > IMAGE_BYTES_LIMIT) {
    return undefined;
  }
  const bytes = new Uint8Array(length);
  const fd = openSync("/proc/self/mem", "r");
  try {
    return readSync(fd, bytes, 0, length, start) === length ? bytes : undefined;
  } catch (error) {
    // Where a security module hides our own memory from us, the vDSO is walked by frame pointer.
    if (errnoOf(error) !== "") {
      return undefined;
    }
    throw error;
  } finally {
    closeSync(fd);
  }
}
