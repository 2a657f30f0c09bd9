/** What /proc/PID/status tells that matters here. */
export interface ProcessStatus {
  /** As the process itself knows its number: in the innermost of its pid namespaces. */
  readonly ownPid: number;
  /** Effective, as this namespace counts. */
  readonly uid: number;
}

/** Reads the text of /proc/PID/status; undefined when it is none. The name in it is the process's own, newlines escaped. */
export function parseStatus(text: string): ProcessStatus | undefined {
  let uid: number | undefined;
  let ownPid: number | undefined;
  for (const line of text.split("\n")) {
    const fields = line.split("\t");
    if (fields[0] === "Uid:") uid = numberOf(fields[2]);
    if (fields[0] === "NSpid:") ownPid = numberOf(fields.at(-1));
  }
  return uid === undefined || ownPid === undefined ? undefined : { ownPid, uid };
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

/**
 * File systems whose files lie on this machine. On another one, of a network or of a program (FUSE), whoever opens or reads a
 * file waits for whoever serves it, who may be the process that is profiled.
 */
const LOCAL = new Set([
  ...["overlay", "tmpfs", "ramfs", "rootfs", "ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs"],
  ...["aufs", "erofs", "squashfs", "jfs", "reiserfs", "nilfs2", "vfat", "exfat"],
]);

/** A file system that is mounted somewhere. */
export interface Mount {
  /** As fdinfo of a descriptor has it (mnt_id). */
  readonly id: number;
  /** As the process sees it. */
  readonly point: string;
  /** "254:0". */
  readonly device: string;
  readonly type: string;
}

/** Reads the text of /proc/PID/mountinfo; what is no line of it, a cut one too, is passed over. */
export function parseMounts(text: string): readonly Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split("\n")) {
    // number parent device root point options optional… - type source options
    const fields = line.split(" ");
    const dash = fields.indexOf("-", 6);
    if (dash > 0 && dash + 3 < fields.length) {
      mounts.push({ id: Number(fields[0]), device: fields[2], point: fields[4], type: fields[dash + 1] });
    }
  }
  return mounts;
}

/** Whether its files lie on this machine. */
export function isLocalMount({ type }: Mount): boolean {
  return LOCAL.has(type);
}

/** Whether a folder at the top of a process's root, as "/tmp", lies on this machine, and so does the root. */
export function isLocalFolder(mounts: readonly Mount[], folder: string): boolean {
  const root = mounts.findLast(({ point }) => point === "/");
  const own = mounts.findLast(({ point }) => point === folder);
  return root !== undefined && LOCAL.has(root.type) && (own === undefined || LOCAL.has(own.type));
}

/** Whether a device is that of a file system elsewhere. One that is not mounted for the process may be a layer of an overlay. */
export function isRemoteDevice(mounts: readonly Mount[], device: string): boolean {
  const mount = mounts.find((one) => one.device === device);
  return mount !== undefined && !LOCAL.has(mount.type);
}

/** A mapping of a jitdump. */
export interface DumpMapping {
  /** "7f00-8000", as in /proc/PID/map_files. */
  readonly range: string;
  readonly device: string;
}

/**
 * Where a process that writes a jitdump maps its first page, executable, so that whoever watches mappings learns of the file:
 * "…/jit-PID.dump" with its own number. In the text of /proc/PID/maps.
 */
export function findDump(maps: string, ownPid: number): DumpMapping | undefined {
  const name = `/jit-${ownPid}.dump`;
  for (let at = maps.indexOf(name); at >= 0; at = maps.indexOf(name, at + name.length)) {
    const start = maps.lastIndexOf("\n", at) + 1;
    const end = maps.indexOf("\n", at);
    const line = maps.slice(start, end < 0 ? maps.length : end);
    const [range, permissions, , device] = line.split(" ", 4);
    if (line.endsWith(name) && permissions?.[2] === "x" && /^[0-9a-f]+-[0-9a-f]+$/.test(range)) {
      return { range: range.replace(/(^|-)0+(?=.)/g, "$1"), device: hexDevice(device) };
    }
  }
  return undefined;
}

/** maps writes devices in hex, mountinfo in decimal. */
function hexDevice(text: string): string {
  return text
    .split(":")
    .map((part) => String(parseInt(part, 16)))
    .join(":");
}
