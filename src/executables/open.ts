import { closeSync, constants, fstatSync, openSync, readlinkSync, readSync, statSync } from "node:fs";
import type { FileKey, MappingRecord } from "../native/first-sight.js";
import { errnoOf } from "../util/errno.js";

/** Why a mapped file could not be opened. None of these is an error: processes end, files change. */
export type OpenProblem =
  "process-gone" | "not-permitted" | "identity-changed" | "not-a-file" | "too-many-open-files" | "open-failed";

export type OpenResult =
  { readonly fd: number; readonly path: string; readonly isUnlinked?: boolean } | { readonly problem: OpenProblem };

/**
 * Opens the file behind a mapping of a process, without following any path that the process could have prepared:
 * /proc/PID/map_files leads to the mapped inode itself, deleted or not, in whatever mount namespace. What was opened
 * must be the file the kernel side saw (proc(5), map_files: needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN).
 */
export function openMapping(pid: number, mapping: MappingRecord): OpenResult {
  const { key } = mapping;
  const range = `${mapping.start.toString(16)}-${mapping.end.toString(16)}`;
  const first = openLink(`/proc/${pid}/map_files/${range}`, key);
  if (!("problem" in first) || first.problem !== "process-gone") {
    return first;
  }
  // The mapping may have been split or grown since; any mapping of the same file will do.
  for (const other of rangesOfInode(pid, key.inode)) {
    const result = openLink(`/proc/${pid}/map_files/${other}`, key);
    if (!("problem" in result)) {
      return result;
    }
  }
  return first;
}

function openLink(link: string, key: FileKey): OpenResult {
  let fd: number;
  let path: string;
  try {
    path = readlinkSync(link);
    // A mapped device must not be opened: that alone can have effects.
    if (!statSync(link).isFile()) {
      return { problem: "not-a-file" };
    }
    fd = openSync(link, constants.O_RDONLY | constants.O_NOCTTY | constants.O_NONBLOCK);
  } catch (error) {
    return { problem: problemOf(errnoOf(error)) };
  }
  if (!sameFile(fd, key)) {
    closeSync(fd);
    return { problem: "identity-changed" };
  }
  const linked = path.replace(/ \(deleted\)$/, "");
  return { fd, path: linked, isUnlinked: linked !== path };
}

/**
 * Inode, size and change time must agree. Not the device: on overlayfs the kernel side sees the layer's own inode,
 * and stat the overlay's device number.
 */
function sameFile(fd: number, key: FileKey): boolean {
  const stat = fstatSync(fd, { bigint: true });
  return stat.ino === key.inode && stat.size === key.size && stat.ctimeNs === key.ctimeNs;
}

function problemOf(errno: string): OpenProblem {
  switch (errno) {
    case "ENOENT":
    case "ESRCH":
      return "process-gone";
    case "EPERM":
    case "EACCES":
      return "not-permitted";
    case "EMFILE":
    case "ENFILE":
      return "too-many-open-files";
    default:
      return "open-failed";
  }
}

/** /proc/PID/maps of a big process is some hundred KiB; a hostile one has 65,530 mappings of long paths. */
const MAPS_BYTES_LIMIT = 4 << 20;

/** Address ranges of a process that map a file of this inode number. */
function rangesOfInode(pid: number, inode: bigint): string[] {
  const ranges: string[] = [];
  const wanted = String(inode);
  for (const line of readMaps(pid).split("\n")) {
    // address perms offset dev inode path
    const fields = line.split(/ +/, 5);
    if (fields.length === 5 && fields[4] === wanted) {
      ranges.push(withoutLeadingZeros(fields[0]));
    }
  }
  return ranges;
}

/** maps pads addresses to eight digits, map_files does not. */
function withoutLeadingZeros(range: string): string {
  return range
    .split("-")
    .map((address) => address.replace(/^0+(?=.)/, ""))
    .join("-");
}

function readMaps(pid: number): string {
  let fd: number;
  try {
    fd = openSync(`/proc/${pid}/maps`, constants.O_RDONLY);
  } catch {
    return ""; // gone: what the caller is about to report
  }
  try {
    const pieces: Buffer[] = [];
    for (let total = 0; total < MAPS_BYTES_LIMIT;) {
      const piece = Buffer.allocUnsafe(65536);
      const bytes = readSync(fd, piece, 0, piece.length, null);
      if (bytes === 0) {
        break;
      }
      pieces.push(piece.subarray(0, bytes));
      total += bytes;
    }
    return Buffer.concat(pieces).toString("latin1");
  } catch {
    return ""; // ended while it was read: likewise
  } finally {
    closeSync(fd);
  }
}
