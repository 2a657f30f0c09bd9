import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Backoff } from "#src/util/backoff.js";

const OPTIONS = { leastMs: 1000, firstMs: 2000, mostMs: 30_000, mostAskedMs: 60_000 };

describe("the wait before another try", () => {
  it("is the least at least, and up to a limit that doubles", () => {
    const least = new Backoff(OPTIONS, () => 0);
    const most = new Backoff(OPTIONS, () => 1);
    assert.deepEqual(
      Array.from({ length: 6 }, () => least.next()),
      [1000, 1000, 1000, 1000, 1000, 1000],
    );
    assert.deepEqual(
      Array.from({ length: 6 }, () => most.next()),
      [2000, 4000, 8000, 16_000, 30_000, 30_000],
    );
    most.reset();
    assert.equal(most.next(), 2000);
  });

  it("is what the other side asks for, within reason, and the jitter on top of it", () => {
    assert.equal(new Backoff(OPTIONS, () => 0).next(7000), 7000);
    assert.equal(new Backoff(OPTIONS, () => 1).next(7000), 8000);
    assert.equal(new Backoff(OPTIONS, () => 0).next(86_400_000), 60_000);
    for (const nothing of [0, -5, Number.NaN]) assert.equal(new Backoff(OPTIONS, () => 0).next(nothing), 1000);
  });
});
