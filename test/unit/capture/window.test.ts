import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseCpuList } from "#src/capture/cpu-list.js";
import { ThreadTable } from "#src/capture/thread-table.js";
import { Window } from "#src/capture/window.js";
import type { StackId, ThreadId } from "#src/model/brand.js";
import { sampleLayout } from "#src/native/abi.generated.js";

interface Seen {
  readonly pid?: number;
  readonly tid?: number;
  readonly startTimeNs?: bigint;
  readonly cgroup?: bigint;
  readonly comm?: Uint8Array | string;
}

/** A struct abi_sample in front of which lie `before` words of something else. */
function sampleWords({ pid = 10, tid = 10, startTimeNs = 5n, cgroup = 7n, comm = "worker" }: Seen, before = 0) {
  const bytes = new Uint8Array(sampleLayout.sizeOf + before * 4).fill(0xee, 0, before * 4);
  const view = new DataView(bytes.buffer, before * 4);
  view.setUint32(sampleLayout.pid, pid, true);
  view.setUint32(sampleLayout.tid, tid, true);
  view.setBigUint64(sampleLayout.startTimeNs, startTimeNs, true);
  view.setBigUint64(sampleLayout.cgroupId, cgroup, true);
  bytes.set(Buffer.from(comm), before * 4 + sampleLayout.comm);
  return new Uint32Array(bytes.buffer);
}

describe("ThreadTable", () => {
  it("tells apart a reused pid, a renamed or moved thread, another thread; and nothing else", () => {
    const table = new ThreadTable();
    const intern = (seen: Seen) => table.intern(sampleWords(seen), 0);
    const first = intern({});
    assert.equal(intern({}), first);
    assert.equal(table.intern(sampleWords({}, 3), 3), first);
    const others = [
      intern({ pid: 11 }),
      intern({ tid: 11 }),
      intern({ startTimeNs: 6n }),
      intern({ startTimeNs: 2n ** 63n + 5n }),
      intern({ cgroup: 8n }),
      intern({ cgroup: 2n ** 64n - 1n }),
      intern({ comm: "renamed" }),
    ];
    assert.equal(new Set([first, ...others]).size, 8);
    const threads = table.threads();
    assert.deepEqual(threads[0], { pid: 10, tid: 10, comm: "worker", startTimeNs: 5n, cgroup: 7n });
    assert.equal(threads[4].startTimeNs, 2n ** 63n + 5n);
    assert.equal(threads[6].cgroup, 2n ** 64n - 1n);
    assert.equal(threads[7].comm, "renamed");
  });

  it("shows a comm that is not text, and one that fills its room", () => {
    const table = new ThreadTable();
    table.intern(sampleWords({ comm: new Uint8Array(16).fill(0xff) }), 0);
    assert.equal(table.threads()[0].comm, "\ufffd".repeat(16));
  });
});

describe("Window", () => {
  it("counts each pair of stack and thread, and each outcome", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(9), fc.nat(9), fc.nat(8), fc.nat(255))), (added) => {
        const window = new Window();
        const counts = new Map<string, [count: number, ticks: number]>();
        for (const [stack, thread, outcome, weight] of added) {
          window.add(stack as StackId, thread as ThreadId, outcome, weight);
          const key = `${stack},${thread}`;
          const [samples, ticks] = counts.get(key) ?? [0, 0];
          counts.set(key, [samples + 1, ticks + weight]);
        }
        const { length, stack, thread, count, ticks } = window.samples();
        const found = new Map(Array.from({ length }, (_, i) => [`${stack[i]},${thread[i]}`, [count[i], ticks[i]]]));
        assert.deepEqual(found, counts);
        assert.equal(
          ticks.reduce((sum, n) => sum + n, 0),
          window.totalTicks,
        );
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
