import type { CgroupId, CgroupPath } from "../model/cgroup.js";
import { cgroupSightLayout, limits, recordKind } from "./abi.generated.js";

/**
 * Takes apart a cgroup's record that SampleCursor.copyRecord gave: struct abi_cgroup_sight. Undefined when it says
 * something impossible. Bytes of a name that are not UTF-8 become U+FFFD; everything else a name may be (control
 * characters, 255 bytes of anything) is left as it is, for a name is looked up, and made printable where it is shown.
 */
export function readCgroupSight(record: Uint8Array): CgroupPath | undefined {
  if (record.length < cgroupSightLayout.sizeOf || record[cgroupSightLayout.kind] !== recordKind.cgroup) {
    return undefined;
  }
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  const nameBytes = view.getUint16(cgroupSightLayout.namesBytes, true);
  if (cgroupSightLayout.sizeOf + nameBytes > record.length) return undefined;
  const bytes = Buffer.from(record.buffer, record.byteOffset + cgroupSightLayout.sizeOf, nameBytes);
  const names: string[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(0, start);
    // Each name has its NUL, is no longer than a file's may be, and is a directory's: never empty, never with a slash.
    const length = end - start;
    if (length < 1 || length >= limits.cgroupNameBytes || names.length >= limits.cgroupLevels) return undefined;
    const name = bytes.toString("utf8", start, end);
    if (name.includes("/") || name === "." || name === "..") return undefined;
    names.push(name);
    start = end + 1;
  }
  return {
    id: view.getBigUint64(cgroupSightLayout.id, true) as CgroupId,
    names: names.reverse(),
    truncated: record[cgroupSightLayout.truncated] !== 0,
  };
}
