import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { cgroupSightLayout, limits, recordKind } from "#src/native/abi.generated.js";
import { readCgroupSight } from "#src/native/cgroup-sight.js";
import { SampleCursor } from "#src/native/sample-cursor.js";
import { cgroupRecord } from "../../support/cgroup-record.js";

/** The record by way of a batch, as the drain has it; undefined when the cursor refuses it. */
function throughCursor(record: Uint8Array): ReturnType<typeof readCgroupSight> {
  const batch = new Uint8Array(8 + Math.ceil(record.length / 8) * 8);
  new DataView(batch.buffer).setUint32(0, record.length, true);
  batch.set(record, 8);
  const cursor = new SampleCursor(batch);
  cursor.reset(batch.length);
  if (!cursor.next()) {
    assert.equal(cursor.malformed, 1);
    return undefined;
  }
  return readCgroupSight(cursor.copyRecord());
}

describe("a cgroup's record", () => {
  it("tells the path from the root down", () => {
    const id = 2n ** 63n + 12n;
    const path = readCgroupSight(cgroupRecord({ id, leafFirst: ["cri-containerd-0c.scope", "kubepods.slice"] }));
    assert.deepEqual(path, { id, names: ["kubepods.slice", "cri-containerd-0c.scope"], truncated: false });
  });

  it("has no names for the root", () => {
    assert.deepEqual(throughCursor(cgroupRecord({ id: 1n, leafFirst: [] })), { id: 1n, names: [], truncated: false });
  });

  it("keeps names as they are, whatever a container chose", () => {
    const leafFirst = ["\u001b[2J", "a\nb", "\u202e", "x".repeat(255), "é漢🔥", "..."];
    const path = throughCursor(cgroupRecord({ id: 9n, leafFirst, truncated: true }));
    assert.deepEqual(path, { id: 9n, names: leafFirst.toReversed(), truncated: true });
    const bytes = cgroupRecord({ id: 9n, leafFirst: ["ab"] });
    bytes[cgroupSightLayout.sizeOf] = 0xff;
    assert.deepEqual(readCgroupSight(bytes)?.names, ["\ufffdb"]);
  });

  it("is refused when it says something impossible", () => {
    const whole = cgroupRecord({ id: 9n, leafFirst: ["a", "b"] });
    const wrong: readonly (readonly [string, Uint8Array])[] = [
      ["an empty name", cgroupRecord({ id: 9n, leafFirst: ["a", ""] })],
      ["a slash", cgroupRecord({ id: 9n, leafFirst: ["../a"] })],
      ["the parent", cgroupRecord({ id: 9n, leafFirst: [".."] })],
      ["itself", cgroupRecord({ id: 9n, leafFirst: ["."] })],
      ["a name longer than a file's", cgroupRecord({ id: 9n, leafFirst: ["x".repeat(256)] })],
      ["too many levels", cgroupRecord({ id: 9n, leafFirst: Array<string>(limits.cgroupLevels + 1).fill("a") })],
      ["no NUL at the end", whole.subarray(0, whole.length - 1)],
      ["shorter than its head", whole.subarray(0, cgroupSightLayout.sizeOf - 1)],
      ["another kind", Uint8Array.of(recordKind.sample, ...whole.subarray(1))],
    ];
    for (const [title, record] of wrong) {
      assert.equal(readCgroupSight(record), undefined, title);
    }
  });

  it("is a path or nothing, whatever the bytes", () => {
    const record = fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      fc
        .tuple(
          fc.uint8Array({ minLength: 15, maxLength: 15 }),
          fc.nat(80),
          fc.array(fc.constantFrom(0, 46, 47, 97, 255)),
        )
        .map(([head, namesBytes, names]) => {
          const bytes = Uint8Array.of(recordKind.cgroup, ...head, ...names);
          new DataView(bytes.buffer).setUint16(cgroupSightLayout.namesBytes, namesBytes, true);
          return bytes;
        }),
    );
    fc.assert(
      fc.property(record, (bytes) => {
        for (const path of [readCgroupSight(bytes), throughCursor(bytes)]) {
          assert.ok(path === undefined || path.names.length <= limits.cgroupLevels);
          for (const name of path?.names ?? []) {
            assert.ok(name !== "" && name !== "." && name !== ".." && !/[/\0]/.test(name));
          }
        }
      }),
      { numRuns: 2000 },
    );
  });
});
