import { firstSightLayout, outcome, recordKind, sampleFlag, sampleLayout } from "#src/native/abi.generated.js";
import { SampleCursor } from "#src/native/sample-cursor.js";

export interface SampleOptions {
  readonly pid?: number;
  /** Of its process, CLOCK_BOOTTIME. */
  readonly startTimeNs?: bigint;
  readonly cgroup?: bigint;
  readonly weight?: number;
  /** CLOCK_MONOTONIC. */
  readonly timeNs?: bigint;
  /** Its frames, leaf first, as the kernel side writes them. */
  readonly frames?: readonly bigint[];
  /** It met a new file, and its copy precedes. */
  readonly firstSight?: boolean;
}

/** A struct abi_sample and its frames. */
export function sampleRecord(options: SampleOptions): Uint8Array {
  const {
    pid = 7,
    cgroup = 5n,
    weight = 1,
    timeNs = 0n,
    startTimeNs = 2n ** 40n + 3n,
    frames = [],
    firstSight = false,
  } = options;
  const record = new Uint8Array(sampleLayout.sizeOf + frames.length * 8);
  const view = new DataView(record.buffer);
  record[sampleLayout.kind] = recordKind.sample;
  record[sampleLayout.outcome] = firstSight ? outcome.unknownExecutable : outcome.complete;
  record[sampleLayout.flags] = firstSight ? sampleFlag.firstSight : 0;
  record[sampleLayout.weight] = weight;
  view.setUint16(sampleLayout.userFrames, frames.length, true);
  view.setUint32(sampleLayout.pid, pid, true);
  view.setUint32(sampleLayout.tid, pid, true);
  view.setBigUint64(sampleLayout.timeNs, timeNs, true);
  view.setBigUint64(sampleLayout.startTimeNs, startTimeNs, true);
  view.setBigUint64(sampleLayout.cgroupId, cgroup, true);
  for (const [at, frame] of frames.entries()) view.setBigUint64(sampleLayout.sizeOf + at * 8, frame, true);
  return record;
}

export function firstSightRecord(): Uint8Array {
  const record = new Uint8Array(firstSightLayout.sizeOf);
  record[firstSightLayout.kind] = recordKind.firstSight;
  return record;
}

/** A batch of these records, as a drain hands it over. */
export function batchOf(...records: readonly Uint8Array[]): { readonly cursor: SampleCursor; readonly length: number } {
  const padded = records.map((record) => Math.ceil(record.length / 8) * 8);
  const batch = new Uint8Array(padded.reduce((sum, length) => sum + 8 + length, 0));
  let offset = 0;
  for (const [i, record] of records.entries()) {
    new DataView(batch.buffer).setUint32(offset, record.length, true);
    batch.set(record, offset + 8);
    offset += 8 + padded[i];
  }
  return { cursor: new SampleCursor(batch), length: batch.length };
}
