import { fstatSync, readlinkSync } from "node:fs";
import type { Addon } from "../native/addon.js";
import { errnoOf } from "../util/errno.js";
import { openNamedFile } from "../util/path-handle.js";
import { pathInside, type Root } from "./roots.js";

/** Why there is no file to read at a path. Counted. */
export const OPEN_PROBLEMS = [
  "not-found",
  "not-permitted",
  /** On another file system, mounted below the root of a container. */
  "other-mount",
  /** A loop of links, or one of /proc's that lead elsewhere. */
  "not-followed",
  /** A folder, a pipe, a device. */
  "not-a-file",
  /** Too small for an ELF file, or larger than any. */
  "bad-size",
  "too-many-open-files",
  /** The kernel, or a seccomp filter, has no openat2: nothing is opened then. */
  "not-supported",
  "open-failed",
] as const;
export type OpenProblem = (typeof OPEN_PROBLEMS)[number];

/** A file open for reading; whoever asked closes it. */
export interface OpenedFile {
  readonly fd: number;
  readonly size: number;
  /** Of the file on this machine, as it is now. */
  readonly identity: string;
  /** Where it lies in its root, links followed; undefined when it is in none. */
  readonly realPath: string | undefined;
}

/** An ELF header has 64 bytes. What /proc makes up as it is read has none by its own account. */
const MIN_BYTES = 64;
/** Chromium's debug files have some gigabytes. */
const MAX_BYTES = 16 * 1024 ** 3;
/** PATH_MAX of Linux. */
const MAX_PATH_BYTES = 4096;

/**
 * Opens a file by its path in a root. Nothing leads out of the root, what is no regular file is never opened, and what is
 * opened is the very file that was looked at.
 */
export function openInRoot(
  withPath: Addon["withPath"],
  root: Root,
  path: string,
): OpenedFile | { readonly problem: OpenProblem } {
  if (!path.startsWith("/") || path.includes("\0") || Buffer.byteLength(path) >= MAX_PATH_BYTES) {
    return { problem: "not-found" };
  }
  try {
    return withPath(root.fd, path, root.crossesMounts, (handle) => openHandle(root, handle));
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "") throw error;
    return { problem: problemOf(errno) };
  }
}

function openHandle(root: Root, handle: number): OpenedFile | { readonly problem: OpenProblem } {
  const stat = fstatSync(handle, { bigint: true });
  if (!stat.isFile()) return { problem: "not-a-file" };
  if (stat.size < MIN_BYTES || stat.size > MAX_BYTES) return { problem: "bad-size" };
  const realPath = pathInside(root, readlinkSync(`/proc/self/fd/${handle}`));
  const fd = openNamedFile(handle);
  const identity = [stat.dev, stat.ino, stat.size, stat.mtimeNs].join(":");
  return { fd, size: Number(stat.size), identity, realPath };
}

export function problemOf(errno: string): OpenProblem {
  switch (errno) {
    case "ENOENT":
    case "ENOTDIR":
    case "ENAMETOOLONG":
      return "not-found";
    case "EACCES":
    case "EPERM":
      return "not-permitted";
    case "EXDEV":
      return "other-mount";
    case "ELOOP":
      return "not-followed";
    case "EMFILE":
    case "ENFILE":
      return "too-many-open-files";
    case "ENOSYS":
      return "not-supported";
    default:
      return "open-failed";
  }
}
