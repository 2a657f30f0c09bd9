import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseCpuList } from "#src/capture/cpu-list.js";
import { ThreadTable } from "#src/capture/thread-table.js";
import { Window } from "#src/capture/window.js";
import type { StackId, ThreadId } from "#src/model/brand.js";

/** start time (two words), then comm (four), as they lie in struct abi_sample. */
function header(startTime: number, comm: string): Uint32Array {
  const bytes = Buffer.alloc(24);
  bytes.writeBigUInt64LE(BigInt(startTime), 0);
  bytes.write(comm, 8, 15, "utf8");
  return new Uint32Array(bytes.buffer, bytes.byteOffset, 6);
}

describe("ThreadTable", () => {
  it("tells apart a reused pid, a renamed thread, another thread; and nothing else", () => {
    const table = new ThreadTable();
    const intern = (pid: number, tid: number, start: number, comm: string) =>
      table.intern(pid, tid, header(start, comm), 0, 2);
    const first = intern(10, 10, 5, "worker");
    assert.equal(intern(10, 10, 5, "worker"), first);
    const others = [
      intern(11, 10, 5, "worker"),
      intern(10, 11, 5, "worker"),
      intern(10, 10, 6, "worker"),
      intern(10, 10, 2 ** 40 + 5, "worker"),
      intern(10, 10, 5, "renamed"),
    ];
    assert.equal(new Set([first, ...others]).size, 6);
    assert.deepEqual(table.threads()[0], { pid: 10, tid: 10, comm: "worker" });
    assert.equal(table.threads()[5].comm, "renamed");
  });

  it("shows a comm that is not text, and one that fills its room", () => {
    const table = new ThreadTable();
    const bytes = Buffer.alloc(24, 0xff);
    table.intern(1, 1, new Uint32Array(bytes.buffer, bytes.byteOffset, 6), 0, 2);
    assert.equal(table.threads()[0].comm, "\ufffd".repeat(16));
  });
});

describe("Window", () => {
  it("counts each pair of stack and thread, and each outcome", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(9), fc.nat(9), fc.nat(8))), (added) => {
        const window = new Window();
        const counts = new Map<string, number>();
        for (const [stack, thread, outcome] of added) {
          window.add(stack as StackId, thread as ThreadId, outcome);
          const key = `${stack},${thread}`;
          counts.set(key, (counts.get(key) ?? 0) + 1);
        }
        const { length, stack, thread, count } = window.samples();
        const found = new Map(Array.from({ length }, (_, i) => [`${stack[i]},${thread[i]}`, count[i]]));
        assert.deepEqual(found, counts);
        assert.equal(length, counts.size);
        assert.equal(window.total, added.length);
        assert.equal(
          window.outcomes.reduce((sum, n) => sum + n, 0),
          added.length,
        );
      }),
    );
  });
});

describe("parseCpuList", () => {
  it("reads what the kernel writes", () => {
    assert.deepEqual(parseCpuList("0-3,8,10-11\n"), [0, 1, 2, 3, 8, 10, 11]);
    assert.deepEqual(parseCpuList("0\n"), [0]);
    assert.deepEqual(parseCpuList("\n"), []);
  });
});
