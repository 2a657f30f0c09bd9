import { closeSync, constants, fstatSync, futimesSync, openSync } from "node:fs";
import { join } from "node:path";
import { isBuildId } from "./build-id.js";
import { debugName } from "./file-name.js";

/** Not blocking: somebody may have put a named pipe there. */
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
/** What is used is said to have been used at most so often. */
const TOUCH_MS = 3_600_000;

/**
 * Opens the downloaded debug file of a build ID: for whoever reads it, to be closed by him. Undefined when there is none, or what is
 * there is not a file of ours: a link, another user's. That it has that very build ID was checked when it came; a disk may have
 * lost it since.
 */
export function findDownloaded(directory: string, buildId: string): number | undefined {
  if (!isBuildId(buildId)) return undefined;
  let fd: number;
  try {
    fd = openSync(join(directory, debugName(buildId)), READ);
  } catch {
    return undefined; // not there, or not to be had: both are a file that is not found
  }
  try {
    const status = fstatSync(fd);
    if (status.isFile() && status.uid === process.geteuid?.() && (status.mode & 0o022) === 0) {
      noteUse(fd, status.mtimeMs);
      return fd;
    }
  } catch {
    // A file system that went away.
  }
  closeSync(fd);
  return undefined;
}

/** The time of the last change is that of the last use, for who makes room; that of the last access is seldom kept. */
function noteUse(fd: number, mtimeMs: number): void {
  const nowMs = Date.now();
  if (Math.abs(nowMs - mtimeMs) < TOUCH_MS) return;
  try {
    futimesSync(fd, nowMs / 1000, nowMs / 1000);
  } catch {
    // A file system that is read-only: nobody makes room there either.
  }
}
