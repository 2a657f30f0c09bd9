import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { posix } from "node:path";
import { OPEN_PROBLEMS, openInRoot, problemOf, type OpenedFile } from "../debugfiles/open-in-root.js";
import { isLocalMount, parseMounts, type Mount } from "../jit/process-facts.js";
import type { ProcessKey } from "../model/process-key.js";
import type { Addon } from "../native/addon.js";
import { readProcText } from "../processes/proc-text.js";
import { isSameStart, parseStat } from "../processes/stat.js";
import { errnoOf } from "../util/errno.js";
import { O_PATH } from "../util/path-handle.js";

/** Why a file that a process names is not read. */
export const FILE_PROBLEMS = [
  ...OPEN_PROBLEMS,
  /** On a file system that whoever reads from may wait for. */
  "remote-file-system",
  /** The process itself may not read it. */
  "foreign",
  "too-large",
  "read-failed",
] as const;
export type FileProblem = (typeof FILE_PROBLEMS)[number];

/** In whose root a file is opened. */
export interface WhoseRoot {
  readonly process: ProcessKey;
  /** See `ProcessRoot`. */
  readonly rootFd: number;
  readonly uid: number;
}

export interface ProcessFile extends Pick<OpenedFile, "fd" | "size" | "identity"> {
  readonly modifiedMs: number;
}

/**
 * Opens for reading a file that a process named, by its path in the process's root. Nothing leads out of the root, and nothing
 * but a regular file on a local file system is opened, that the process may read itself: else it could have others' files
 * shown to it.
 */
export function openInProcess(
  withPath: Addon["withPath"],
  whose: WhoseRoot,
  path: string,
  maxBytes: number,
): ProcessFile | FileProblem {
  let opened = openBelow(withPath, whose.rootFd, path);
  if ("problem" in opened && opened.problem === "other-mount") opened = openAcross(withPath, whose, path);
  if ("problem" in opened) return opened.problem;
  const { fd, size, identity } = opened;
  const stat = fstatSync(fd);
  const problem = size > maxBytes ? "too-large" : mayRead(stat, whose.uid) ? undefined : "foreign";
  if (problem === undefined) return { fd, size, identity, modifiedMs: stat.mtimeMs };
  closeSync(fd);
  return problem;
}

type Opening = OpenedFile | { readonly problem: FileProblem };

/** On the file system of the folder only. */
function openBelow(withPath: Addon["withPath"], folder: number, path: string): Opening {
  return openInRoot(withPath, { kind: "own", fd: folder, path: "/", crossesMounts: false }, path);
}

/** By group is left out: a process may be in many. */
function mayRead({ mode, uid: owner }: { readonly mode: number; readonly uid: number }, uid: number): boolean {
  return uid === 0 || owner === uid || (mode & 0o004) !== 0;
}

/**
 * Below what is mounted in the root: a volume. Each mount on the path is entered by one step that crosses it and nothing else, and
 * asked of the kernel what it is, which asks nothing of the file system; so none is entered that somebody answers for. The process must
 * live, for its table of mounts.
 */
function openAcross(withPath: Addon["withPath"], { process, rootFd }: WhoseRoot, path: string): Opening {
  const mounts = mountsOf(process);
  if (mounts === undefined) return { problem: "other-mount" };
  const points = new Set(
    mounts.map(({ point }) => point).filter((point) => point !== "/" && path.startsWith(`${point}/`)),
  );
  let folder = { fd: rootFd, point: "" };
  try {
    for (const point of [...points].sort((one, other) => one.length - other.length)) {
      const fd = enter(withPath, folder.fd, point.slice(folder.point.length));
      if (typeof fd === "string") return { problem: fd };
      if (folder.fd !== rootFd) closeSync(folder.fd);
      folder = { fd, point };
      const id = mountOf(fd);
      const mount = mounts.find((one) => one.id === id);
      if (mount === undefined) return { problem: "other-mount" };
      if (!isLocalMount(mount)) return { problem: "remote-file-system" };
    }
    return openBelow(withPath, folder.fd, path.slice(folder.point.length));
  } finally {
    if (folder.fd !== rootFd) closeSync(folder.fd);
  }
}

/** Names what is mounted on a folder; the folder above is on the same file system as where it is looked from. */
function enter(withPath: Addon["withPath"], folder: number, path: string): number | FileProblem {
  const flags = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;
  try {
    return withPath(folder, posix.dirname(path), false, (above) =>
      openSync(`/proc/self/fd/${above}/${posix.basename(path)}`, flags),
    );
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "") throw error;
    return problemOf(errno);
  }
}

/** The mounts of a process as it sees them; undefined when it is gone. */
function mountsOf({ pid, startTimeNs }: ProcessKey): readonly Mount[] | undefined {
  try {
    const mounts = parseMounts(readProcText(`/proc/${pid}/mountinfo`));
    const stat = parseStat(readProcText(`/proc/${pid}/stat`));
    return stat !== undefined && isSameStart(stat.startTicks, startTimeNs) ? mounts : undefined;
  } catch (error) {
    if (errnoOf(error) === "") throw error;
    return undefined; // counted: what lies across is then "other-mount"
  }
}

/** The number of the mount that a descriptor is in, -1 where the kernel does not tell. */
function mountOf(fd: number): number {
  return Number(/^mnt_id:\s*(\d+)$/m.exec(readProcText(`/proc/self/fdinfo/${fd}`))?.[1] ?? -1);
}
