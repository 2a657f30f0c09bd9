import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { MemoryPages } from "#src/interpreters/memory-pages.js";

const PAGE = 4096;

/** A page is filled with its number; 7 is not there, and of 8 there is one half. */
function setUp() {
  const batches: (readonly number[])[] = [];
  const pages = new MemoryPages({
    readUpTo: () => assert.fail("not by itself"),
    readPages: async (numbers) => {
      batches.push(numbers);
      await turn();
      return numbers.map((number) => (number === 7 ? undefined : Buffer.alloc(number === 8 ? PAGE / 2 : PAGE, number)));
    },
  });
  return { batches, pages };
}

describe("MemoryPages", () => {
  it("reads together what several ask for at the same time, however many steps each takes", async () => {
    const { batches, pages } = setUp();
    const walk = async (numbers: readonly number[]): Promise<readonly (number | undefined)[]> => {
      const seen = [];
      for (const number of numbers) seen.push((await pages.bytes(number * PAGE + 5, 1))?.[0]);
      return seen;
    };
    const walks = await Promise.all([walk([1, 2, 3]), walk([4, 5, 3]), walk([1, 6])]);
    assert.deepEqual(walks.flat(), [1, 2, 3, 4, 5, 3, 1, 6]);
    const sorted = batches.map((batch) => batch.toSorted((a, b) => a - b));
    assert.deepEqual(sorted, [[1, 4], [2, 5, 6], [3]]);
    assert.equal(pages.reads, 6);
  });

  it("reads again what was forgotten, and nothing else", async () => {
    const { batches, pages } = setUp();
    await pages.bytes(PAGE, 8);
    await pages.bytes(PAGE + 100, 8);
    pages.forget();
    await pages.bytes(PAGE, 8);
    assert.deepEqual(batches, [[1], [1]]);
  });

  it("gives bytes across pages, as far as they are there", async () => {
    const { pages } = setUp();
    assert.deepEqual([...(await pages.bytes(2 * PAGE - 1, 2))!], [1, 2]);
    assert.equal(await pages.bytes(7 * PAGE, 1), undefined);
    assert.equal(await pages.bytes(7 * PAGE - 1, 2), undefined);
    assert.equal((await pages.readUpTo(8 * PAGE + PAGE / 2 - 3, 9))?.length, 3);
  });
});
