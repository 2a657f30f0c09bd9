import { closeSync, constants, fstatSync, openSync, type BigIntStats } from "node:fs";
import { errnoOf } from "../util/errno.js";
import { O_PATH, openNamedFile } from "../util/path-handle.js";

/** Why there is no file of a process's to read. Counted; none is an error. */
export const OPEN_PROBLEMS = [
  "process-gone",
  /** Its number is another process's by now. */
  "pid-reused",
  /** There is none: the usual case. */
  "absent",
  /** A symbolic link in its place, or in the place of its folder. */
  "link",
  /** A folder, a pipe, a device. */
  "not-a-file",
  /** Neither the process's own nor root's: somebody else may have written it. */
  "foreign-owner",
  /** On a file system that whoever reads from may wait for. */
  "remote-file-system",
  "not-permitted",
  "too-many-open-files",
  "open-failed",
] as const;
export type OpenProblem = (typeof OPEN_PROBLEMS)[number];

export interface Opened {
  readonly fd: number;
  readonly stat: BigIntStats;
}

/** The folder at `name` of a process's root, as a descriptor that names it; whoever asked closes it. */
export function openFolder(root: string, name: string): Opened | OpenProblem {
  return attempt(() => {
    const top = openSync(root, O_PATH | constants.O_DIRECTORY);
    try {
      return nameIn(top, name, "folder");
    } finally {
      closeSync(top);
    }
  });
}

/**
 * Opens a file of a folder for reading. Its name is one component and never followed as a link, and the very file that was looked
 * at is what is opened: it must be a regular one, of `uid` or root.
 */
export function openFile(folder: number, name: string, uid: number): Opened | OpenProblem {
  return attempt(() => {
    const named = nameIn(folder, name, "file");
    return typeof named === "string" ? named : reopen(named, uid);
  });
}

/** Opens what a link of /proc leads to, likewise. */
export function openLinked(link: string, uid: number): Opened | OpenProblem {
  return attempt(() => {
    const fd = openSync(link, O_PATH);
    return reopen({ fd, stat: fstatSync(fd, { bigint: true }) }, uid);
  });
}

/** The file that a name leads to now, without opening it; undefined when there is none. */
export function identityIn(folder: number, name: string): string | undefined {
  const named = attempt(() => nameIn(folder, name, "file"));
  if (typeof named === "string") return undefined;
  closeSync(named.fd);
  return identityOf(named.stat);
}

export function identityOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}

/** A name of a folder: the folder is entered by its descriptor, so that no other name takes part. */
function nameIn(folder: number, name: string, wanted: "file" | "folder"): Opened | OpenProblem {
  const fd = openSync(`/proc/self/fd/${folder}/${name}`, O_PATH | constants.O_NOFOLLOW);
  const stat = fstatSync(fd, { bigint: true });
  if (wanted === "file" ? stat.isFile() : stat.isDirectory()) return { fd, stat };
  closeSync(fd);
  return stat.isSymbolicLink() ? "link" : "not-a-file";
}

function reopen({ fd, stat }: Opened, uid: number): Opened | OpenProblem {
  try {
    if (!stat.isFile()) return "not-a-file";
    if (stat.uid !== 0n && stat.uid !== BigInt(uid)) return "foreign-owner";
    return { fd: openNamedFile(fd), stat };
  } finally {
    closeSync(fd);
  }
}

function attempt(open: () => Opened | OpenProblem): Opened | OpenProblem {
  try {
    return open();
  } catch (error) {
    return problemOf(error);
  }
}

export function problemOf(error: unknown): OpenProblem {
  switch (errnoOf(error)) {
    case "ENOENT":
    case "ENOTDIR":
      return "absent";
    case "ESRCH":
      return "process-gone";
    case "EACCES":
    case "EPERM":
      return "not-permitted";
    case "ELOOP":
      return "link";
    case "EMFILE":
    case "ENFILE":
      return "too-many-open-files";
    case "":
      throw error;
    default:
      return "open-failed";
  }
}
