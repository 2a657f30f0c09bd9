import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { editDistance, suggest } from "#src/cli/suggest.js";

describe("edit distance", () => {
  it("counts what a hurried hand does", () => {
    assert.equal(editDistance("folded", "folded"), 0);
    assert.equal(editDistance("fodled", "folded"), 1);
    assert.equal(editDistance("olded", "folded"), 1);
    assert.equal(editDistance("foldded", "folded"), 1);
    assert.equal(editDistance("", "abc"), 3);
  });

  it("is the same both ways, and zero only for the same word", () => {
    const word = fc.string({ unit: fc.constantFrom(...["a", "b", "c"]), maxLength: 8 });
    fc.assert(
      fc.property(word, word, (a, b) => {
        const distance = editDistance(a, b);
        return distance === editDistance(b, a) && (distance === 0) === (a === b);
      }),
    );
  });
});

describe("suggestions", () => {
  it("are near or absent", () => {
    const flags = ["--duration", "--frequency", "--pid"];
    assert.equal(suggest("--freqency", flags), "--frequency");
    assert.equal(suggest("--dur", flags), "--duration");
    assert.equal(suggest("--foo", flags), undefined);
  });
});
