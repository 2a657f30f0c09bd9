import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ByteLru } from "#src/util/lru.js";

describe("ByteLru", () => {
  it("lets go of what was used least recently", () => {
    const lru = new ByteLru<string, { bytes: number }>(30);
    for (const key of ["a", "b", "c"]) lru.set(key, { bytes: 10 });
    assert.ok(lru.get("a"));
    lru.set("d", { bytes: 10 });
    assert.equal(lru.get("b"), undefined);
    assert.ok(lru.get("a") && lru.get("c") && lru.get("d"));
    assert.equal(lru.bytes, 30);
  });

  it("counts what grew after it was put", () => {
    const lru = new ByteLru<string, { bytes: number }>(30);
    const growing = { bytes: 1 };
    lru.set("old", { bytes: 5 });
    lru.set("growing", growing);
    growing.bytes = 28;
    lru.set("growing", growing);
    assert.equal(lru.get("old"), undefined);
    assert.equal(lru.get("growing"), growing);
  });

  it("does not let one that is over the budget alone drive out the others", () => {
    const lru = new ByteLru<string, { bytes: number }>(30);
    lru.set("small", { bytes: 10 });
    lru.set("huge", { bytes: 31 });
    assert.equal(lru.size, 1);
    assert.ok(lru.get("small"));
  });

  it("lets go of the least recent when its budget is made smaller", () => {
    const lru = new ByteLru<string, { bytes: number }>(30);
    for (const key of ["a", "b", "c"]) lru.set(key, { bytes: 10 });
    lru.get("a");
    lru.resize(15);
    assert.ok(lru.get("a"));
    assert.equal(lru.size, 1);
    lru.resize(30);
    lru.set("d", { bytes: 20 });
    assert.equal(lru.size, 2);
  });

  it("never holds more than its budget, and always the last that fits", () => {
    const operation = fc.tuple(fc.nat(9), fc.nat(40), fc.boolean());
    fc.assert(
      fc.property(fc.array(operation), (operations) => {
        const lru = new ByteLru<number, { bytes: number }>(50);
        for (const [key, bytes, put] of operations) {
          if (put) lru.set(key, { bytes });
          else lru.get(key);
          assert.ok(lru.bytes <= 50);
          if (put) assert.ok(lru.get(key));
        }
      }),
    );
  });
});
