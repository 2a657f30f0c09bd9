import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Conversions } from "#src/capture/conversions.js";
import type { Executable, ExecutableContent } from "#src/executables/executable.js";
import { WorkerDied } from "#src/util/worker-calls.js";
import type { TableStore } from "#src/unwind/table-store.js";
import { until } from "../../support/until.js";

const TOOK_MS = 5;

function conversions(
  work: (size: bigint) => Promise<void> = () => sleep(TOOK_MS),
  onSettled: (size: bigint) => void = () => undefined,
): Conversions {
  const tables: Pick<TableStore, "announce" | "publishNone"> = {
    announce: () => undefined,
    publishNone: () => undefined,
  };
  const convert = async (content: ExecutableContent) => {
    await work(BigInt((content as { fd: number }).fd));
    return { rows: undefined, interpreter: undefined, problems: [], fdes: 0, badFdes: 0 };
  };
  return new Conversions(tables as TableStore, { take: () => undefined }, convert, ({ key }) => {
    onSettled(key.size);
  });
}

function file(size: number): Executable {
  return { key: { size: BigInt(size) }, content: { kind: "file", fd: size } } as Executable;
}

describe("conversions", () => {
  it("rest between two files, in proportion to what the one before took", async () => {
    const working = conversions();
    working.restFactor = 20;
    for (let size = 0; size < 3; size++) working.request(file(size));
    const start = performance.now();
    await until(() => working.converted === 3);
    assert.ok(performance.now() - start >= 2 * 20 * TOOK_MS * 0.9);
    working.hurry();
    await working.idle();
  });

  it("overtake one that is four times as large, and no other", async () => {
    const sizes: bigint[] = [];
    const settled: bigint[] = [];
    const held = new Map<bigint, () => void>();
    const working = conversions(
      (size) => {
        sizes.push(size);
        return new Promise((resolve) => held.set(size, resolve));
      },
      (size) => settled.push(size),
    );
    const finish = async (size: bigint): Promise<void> => {
      held.get(size)!();
      await until(() => settled.includes(size));
    };
    for (const size of [1000, 260, 251, 240, 100, 60, 50]) working.request(file(size));
    assert.deepEqual(sizes, [1000n, 240n, 60n], "each a quarter of the one in work at most");
    await finish(60n);
    assert.deepEqual(sizes.slice(3), [50n], "the smallest of those that wait");
    await finish(50n);
    assert.deepEqual(sizes.slice(4), [], "100 is no quarter of 240");
    await finish(1000n);
    await finish(240n);
    for (const size of [100n, 251n, 260n]) await finish(size);
    await working.idle();
    assert.deepEqual(sizes, [1000n, 240n, 60n, 50n, 100n, 251n, 260n]);
    assert.equal(working.converted, 7);
    assert.ok(!working.busy);
  });

  it("try again, each alone, those that a worker's death met together", async () => {
    const tried: bigint[] = [];
    let inWork = 0;
    const working = conversions(async (size) => {
      tried.push(size);
      inWork++;
      await until(() => tried.length >= 2);
      const isBad = size === 10n || inWork > 1;
      await sleep(TOOK_MS);
      inWork--;
      if (isBad) throw new WorkerDied("it ran out of memory");
    });
    for (const size of [1000, 10]) working.request(file(size));
    await working.idle();
    assert.deepEqual(tried, [1000n, 10n, 10n, 1000n]);
    assert.deepEqual([...working.problems], [["worker-failed", 1]], "of the small one");
  });

  it("overtake none while they are to rest", async () => {
    const sizes: bigint[] = [];
    const working = conversions(async (size) => {
      sizes.push(size);
      await sleep(TOOK_MS);
    });
    working.restFactor = 1;
    for (const size of [1000, 100, 10]) working.request(file(size));
    assert.deepEqual(sizes, [1000n]);
    await until(() => working.converted === 3);
    assert.deepEqual(sizes, [1000n, 10n, 100n]);
    working.hurry();
    await working.idle();
  });

  it("hurry where what waits is wanted at once", async () => {
    const working = conversions();
    working.restFactor = 1e6;
    for (let size = 0; size < 3; size++) working.request(file(size));
    await until(() => working.converted === 1);
    await sleep(20);
    assert.equal(working.converted, 1);
    working.hurry();
    await working.idle();
    assert.equal(working.converted, 3);
  });
});
