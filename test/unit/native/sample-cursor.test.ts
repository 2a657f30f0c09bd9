import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readCodeRecord } from "#src/interpreters/python/code-record.js";
import {
  fileKeyLayout,
  firstSightLayout,
  limits,
  mappingLayout,
  outcome,
  recordKind,
  registersLayout,
  sampleFlag,
  sampleLayout,
} from "#src/native/abi.generated.js";
import { readFirstSight } from "#src/native/first-sight.js";
import { SampleCursor } from "#src/native/sample-cursor.js";

/** A batch of records as Session.drain writes it, in a buffer larger than needed. */
function batchOf(records: readonly Uint8Array[]): { batch: Uint8Array; bytes: number } {
  const bytes = records.reduce((sum, record) => sum + 8 + Math.ceil(record.length / 8) * 8, 0);
  const batch = new Uint8Array(bytes + 64);
  const view = new DataView(batch.buffer);
  let offset = 0;
  for (const record of records) {
    view.setUint32(offset, record.length, true);
    batch.set(record, offset + 8);
    offset += 8 + Math.ceil(record.length / 8) * 8;
  }
  return { batch, bytes };
}

function cursorOver(...records: Uint8Array[]): SampleCursor {
  const { batch, bytes } = batchOf(records);
  const cursor = new SampleCursor(batch);
  cursor.reset(bytes);
  return cursor;
}

function sample(kernel: readonly bigint[], user: readonly bigint[], comm = "cc1plus"): Uint8Array {
  const record = new Uint8Array(sampleLayout.sizeOf + 8 * (kernel.length + user.length));
  const view = new DataView(record.buffer);
  record[sampleLayout.kind] = recordKind.sample;
  record[sampleLayout.outcome] = outcome.noMapping;
  record[sampleLayout.flags] = sampleFlag.kernelMode;
  record[sampleLayout.weight] = 4;
  view.setUint16(sampleLayout.kernelFrames, kernel.length, true);
  view.setUint16(sampleLayout.userFrames, user.length, true);
  view.setUint32(sampleLayout.pid, 4_000_000_000, true);
  view.setUint32(sampleLayout.tid, 4_000_000_001, true);
  view.setBigUint64(sampleLayout.timeNs, 86_400_000_000_123n, true);
  view.setBigUint64(sampleLayout.startTimeNs, 5n * 2n ** 32n + 7n, true);
  view.setBigUint64(sampleLayout.cgroupId, 2n ** 63n + 9n, true);
  view.setUint32(sampleLayout.cpu, 63, true);
  view.setUint32(sampleLayout.sequence, 0xffffffff, true);
  Buffer.from(comm).copy(record, sampleLayout.comm);
  [...kernel, ...user].forEach((frame, i) => view.setBigUint64(sampleLayout.sizeOf + 8 * i, frame, true));
  return record;
}

function firstSight(mappings: number, stack: Uint8Array, otherStack = new Uint8Array(0)): Uint8Array {
  const stackOffset = firstSightLayout.sizeOf + mappings * mappingLayout.sizeOf;
  const record = new Uint8Array(stackOffset + stack.length + otherStack.length);
  const view = new DataView(record.buffer);
  record[firstSightLayout.kind] = recordKind.firstSight;
  view.setUint16(firstSightLayout.mappingCount, mappings, true);
  view.setUint32(firstSightLayout.stackBytes, stack.length, true);
  view.setBigUint64(firstSightLayout.stackStart, 0x7ffc_0000_0f80n, true);
  view.setUint32(firstSightLayout.otherStackBytes, otherStack.length, true);
  view.setBigUint64(firstSightLayout.otherStackStart, 0xc0_0008_1000n, true);
  view.setUint32(firstSightLayout.cpu, 3, true);
  view.setUint32(firstSightLayout.sequence, 17, true);
  view.setUint32(firstSightLayout.pid, 1234, true);
  view.setBigUint64(firstSightLayout.registers + registersLayout.sp, 0x7ffc_0000_1000n, true);
  for (let i = 0; i < mappings; i++) {
    const mapping = firstSightLayout.sizeOf + i * mappingLayout.sizeOf;
    view.setBigUint64(mapping + mappingLayout.start, 0x5555_0000_0000n + BigInt(i) * 0x1000n, true);
    view.setBigUint64(mapping + mappingLayout.end, 0x5555_0000_1000n + BigInt(i) * 0x1000n, true);
    view.setBigUint64(mapping + mappingLayout.fileOffset, BigInt(i) * 0x1000n, true);
    view.setBigUint64(mapping + mappingLayout.key + fileKeyLayout.inode, 2n ** 64n - 1n, true);
    view.setUint32(mapping + mappingLayout.key + fileKeyLayout.device, 0xfe00001, true);
  }
  record.set(stack, stackOffset);
  record.set(otherStack, stackOffset + stack.length);
  return record;
}

test("a sample's fields", () => {
  const cursor = cursorOver(sample([0xffff_ffff_8100_0000n], [0x10_0000_2000n, 0x20_0000_3000n]));
  assert.equal(cursor.next(), true);
  assert.equal(cursor.kind, recordKind.sample);
  assert.equal(cursor.outcome, outcome.noMapping);
  assert.equal(cursor.flags, sampleFlag.kernelMode);
  assert.equal(cursor.weight, 4);
  assert.equal(cursor.pid, 4_000_000_000);
  assert.equal(cursor.tid, 4_000_000_001);
  assert.equal(cursor.timeNs, 86_400_000_000_123);
  assert.equal(cursor.startTimeNs, 5 * 2 ** 32 + 7);
  assert.deepEqual([cursor.startTimeHigh, cursor.startTimeLow], [5, 7]);
  assert.deepEqual([cursor.cgroupIdHigh, cursor.cgroupIdLow], [2 ** 31, 9]);
  assert.equal(cursor.cpu, 63);
  assert.equal(cursor.sequence, 0xffffffff);
  assert.deepEqual([cursor.kernelFrames, cursor.userFrames], [1, 2]);
  const words = [...cursor.words.subarray(cursor.frameWord, cursor.frameWord + 6)];
  assert.deepEqual(words, [0x8100_0000, 0xffff_ffff, 0x2000, 0x10, 0x3000, 0x20]);
  const comm = cursor.bytes.subarray(cursor.commOffset, cursor.commOffset + cursor.commLength);
  assert.equal(Buffer.from(comm).toString(), "cc1plus");
  assert.equal(cursor.next(), false);
  assert.equal(cursor.malformed, 0);
});

test("a comm without its NUL ends where its field does", () => {
  const cursor = cursorOver(sample([], [], "0123456789abcdef"));
  cursor.next();
  assert.equal(cursor.commLength, limits.commBytes);
});

test("a first sight's fields", () => {
  const stack = Uint8Array.from({ length: 24 }, (_, i) => i);
  const other = Uint8Array.from({ length: 16 }, (_, i) => 100 + i);
  const cursor = cursorOver(firstSight(2, stack, other), sample([], []));
  assert.equal(cursor.next(), true);
  assert.equal(cursor.kind, recordKind.firstSight);
  assert.deepEqual([cursor.cpu, cursor.sequence, cursor.pid], [3, 17, 1234]);
  const sight = readFirstSight(cursor.copyRecord())!;
  assert.deepEqual([sight.cpu, sight.sequence, sight.pid], [3, 17, 1234]);
  assert.equal(sight.registers.getBigUint64(registersLayout.sp, true), 0x7ffc_0000_1000n);
  assert.deepEqual(sight.stacks, [
    { start: 0x7ffc_0000_0f80, bytes: stack },
    { start: 0xc0_0008_1000, bytes: other },
  ]);
  assert.equal(sight.mappings.length, 2);
  assert.equal(sight.mappings[1].start, 0x5555_0000_1000);
  assert.equal(sight.mappings[1].end, 0x5555_0000_2000);
  assert.equal(sight.mappings[1].fileOffset, 0x1000);
  assert.equal(sight.mappings[1].key.inode, 2n ** 64n - 1n);
  assert.equal(sight.mappings[1].key.device, 0xfe00001);
  assert.equal(sight.mappings[1].key.bytes.length, fileKeyLayout.sizeOf);
  assert.equal(cursor.next(), true);
  assert.equal(cursor.kind, recordKind.sample);
});

test("a record that lies is counted, and the next one is read", () => {
  const lies: ((view: DataView) => void)[] = [
    (view) => view.setUint8(sampleLayout.kind, 99),
    (view) => view.setUint8(sampleLayout.outcome, outcome.count),
    (view) => view.setUint16(sampleLayout.kernelFrames, limits.maxKernelFrames + 1, true),
    (view) => view.setUint16(sampleLayout.userFrames, limits.maxUserFrames + 1, true),
    (view) => view.setUint16(sampleLayout.userFrames, 3, true),
  ];
  for (const lie of lies) {
    const record = sample([1n], [2n]);
    lie(new DataView(record.buffer));
    const cursor = cursorOver(record, sample([], []));
    assert.equal(cursor.next(), true);
    assert.equal(cursor.userFrames, 0);
    assert.equal(cursor.malformed, 1);
    assert.equal(cursor.next(), false);
  }
  const sight = firstSight(1, new Uint8Array(8), new Uint8Array(8));
  for (const [field, value] of [
    [firstSightLayout.mappingCount, 2],
    [firstSightLayout.mappingCount, limits.maxMappings + 1],
    [firstSightLayout.stackBytes, 9],
    [firstSightLayout.stackBytes, 0xffffffff],
    [firstSightLayout.otherStackBytes, 9],
    [firstSightLayout.otherStackBytes, limits.maxOtherStackCopy + 1],
    [firstSightLayout.otherStackBytes, 0xffffffff],
  ]) {
    const record = sight.slice();
    const view = new DataView(record.buffer);
    if (field === firstSightLayout.mappingCount) view.setUint16(field, value, true);
    else view.setUint32(field, value, true);
    const cursor = cursorOver(record, sample([], []));
    assert.equal(cursor.next(), true);
    assert.equal(cursor.kind, recordKind.sample);
    assert.equal(cursor.malformed, 1);
    assert.equal(readFirstSight(record), undefined);
  }
});

test("a length that leaves the batch ends it, counted once", () => {
  for (const length of [0xffffffff, 0xfffffff8, 0x80000000, 200]) {
    const { batch, bytes } = batchOf([sample([], []), sample([], [])]);
    new DataView(batch.buffer).setUint32(8 + sampleLayout.sizeOf, length, true);
    const cursor = new SampleCursor(batch);
    cursor.reset(bytes);
    assert.deepEqual([cursor.next(), cursor.next(), cursor.next()], [true, false, false]);
    assert.equal(cursor.malformed, 1);
  }
});

test("a batch must be aligned", () => {
  assert.throws(() => new SampleCursor(new Uint8Array(new ArrayBuffer(64), 4, 32)), TypeError);
  assert.throws(() => new SampleCursor(new Uint8Array(12)), TypeError);
});

test("random bytes: every record read lies inside the batch, and the end is reached", () => {
  const records = fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .tuple(fc.constantFrom(...Object.values(recordKind)), fc.uint8Array({ minLength: 63, maxLength: 400 }))
        .map(([kind, rest]) => {
          // Small counts, so that some are right.
          rest.fill(0, 0, 16);
          return Uint8Array.of(kind, ...rest);
        }),
    ),
    { maxLength: 8 },
  );
  const property = fc.property(records, fc.nat(), fc.nat(255), (list, position, byte) => {
    const { batch, bytes } = batchOf(list);
    if (bytes > 0) batch[position % bytes] = byte;
    const cursor = new SampleCursor(batch);
    cursor.reset(bytes);
    let read = 0;
    while (cursor.next()) {
      read++;
      assert.ok(cursor.recordOffset + cursor.recordLength <= bytes);
      if (cursor.kind === recordKind.sample) {
        assert.ok((cursor.frameWord + 2 * (cursor.kernelFrames + cursor.userFrames)) * 4 <= bytes);
      } else if (cursor.kind === recordKind.firstSight) {
        assert.ok(readFirstSight(cursor.copyRecord()) !== undefined);
      } else if (cursor.kind === recordKind.pythonCode) {
        const code = readCodeRecord(cursor.copyRecord());
        if (code !== undefined) assert.ok(code.content.length <= cursor.recordLength);
      } else {
        assert.equal(cursor.kind, recordKind.cgroup);
      }
    }
    assert.ok(read + cursor.malformed <= bytes / 8);
  });
  fc.assert(property, { numRuns: 2000 });
});

test("reading samples allocates nothing", () => {
  const { batch, bytes } = batchOf(Array.from({ length: 500 }, () => sample([1n, 2n], [3n, 4n, 5n])));
  const cursor = new SampleCursor(batch);
  // Not a variable: each new value of one that outgrows 31 bits is an object.
  const sums = new Float64Array(1);
  const walk = () => {
    cursor.reset(bytes);
    while (cursor.next()) {
      sums[0] += cursor.pid + cursor.tid + cursor.cpu + cursor.outcome + cursor.startTimeLow + cursor.kernelFrames;
      sums[0] += cursor.words[cursor.frameWord] + cursor.commLength;
    }
  };
  const bytesPerRecord = () => {
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 200; i++) walk();
    return (process.memoryUsage().heapUsed - before) / (200 * 500);
  };
  // The least of a few rounds: compiling allocates too, at first and whenever V8 thinks better of it.
  const least = Math.min(...Array.from({ length: 8 }, bytesPerRecord));
  assert.ok(least < 0.5, `${least} bytes a record`);
  assert.ok(sums[0] > 0);
});
