import { cgroupSightLayout, recordKind } from "#src/native/abi.generated.js";

export interface CgroupRecord {
  readonly id: bigint;
  readonly leafFirst: readonly string[];
  readonly truncated?: boolean;
}

/** A struct abi_cgroup_sight and its names, as the kernel side sends it; whether or not it could. */
export function cgroupRecord({ id, leafFirst, truncated = false }: CgroupRecord): Uint8Array {
  const names = Buffer.from(leafFirst.map((name) => `${name}\0`).join(""));
  const record = new Uint8Array(cgroupSightLayout.sizeOf + names.length);
  const view = new DataView(record.buffer);
  record[cgroupSightLayout.kind] = recordKind.cgroup;
  record[cgroupSightLayout.truncated] = truncated ? 1 : 0;
  view.setUint16(cgroupSightLayout.namesBytes, names.length, true);
  view.setUint32(cgroupSightLayout.level, leafFirst.length, true);
  view.setBigUint64(cgroupSightLayout.id, id, true);
  record.set(names, cgroupSightLayout.sizeOf);
  return record;
}
