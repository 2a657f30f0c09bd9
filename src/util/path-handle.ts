import { constants, openSync } from "node:fs";

/**
 * Names a file and does not open it, so that no device and no pipe notices (open(2)). fs.constants has none of it; the same number
 * on x86-64 and arm64.
 */
export const O_PATH = 0o10000000;

const READ = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Opens for reading the very file that a descriptor made with {@link O_PATH} names; whoever asks has looked at what it is. */
export function openNamedFile(handle: number): number {
  return openSync(`/proc/self/fd/${handle}`, READ);
}
