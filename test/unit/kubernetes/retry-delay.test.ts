import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RetryDelay } from "#src/kubernetes/retry-delay.js";

describe("the delay before a retry", () => {
  it("is 1 s at least, and up to a limit that doubles to 30 s", () => {
    const least = new RetryDelay(() => 0);
    const most = new RetryDelay(() => 1);
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

  it("is what the API server asks for, and up to a second more", () => {
    assert.equal(new RetryDelay(() => 0).next(7000), 7000);
    assert.equal(new RetryDelay(() => 1).next(7000), 8000);
  });
});
