import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { settleChanges } from "#src/naming/settle-changes.js";
import { changesOf } from "../../support/symbol-records.js";

/** `name@1000..1040`, with "gone" where it is stale. */
function settled(...texts: string[]): string[] | undefined {
  const at = (place: number) => BigInt.asUintN(64, BigInt(place)).toString(16).slice(-6);
  return settleChanges(changesOf(...texts))?.map(({ name, start, limit, isStale }) => {
    return `${name}@${at(start)}..${at(limit)}${isStale ? " gone" : ""}`;
  });
}

describe("changes of the kernel's symbols in a window", () => {
  it("are where the symbols were, though they are gone", () => {
    assert.deepEqual(settled("+b@002000..002040", "+a@001000..001040"), ["a@001000..001040", "b@002000..002040"]);
    assert.deepEqual(settled("+a@001000..001040", "-a@001000..001040"), ["a@001000..001040 gone"]);
    assert.deepEqual(settled("-a@001000..001040"), ["a@001000..001040 gone"]);
    assert.deepEqual(settled("+a@001000..001040", "-a@001000..001040", "+a@001000..001040"), ["a@001000..001040"]);
  });

  it("have no name where there were several, one after another", () => {
    assert.deepEqual(settled("-a@001000..001040", "+b@001020..001080"), ["@001000..001080 gone"]);
    assert.deepEqual(settled("+a@001000..001040", "-a@001000..001040", "+@001000..001040"), ["@001000..001040 gone"]);
    assert.deepEqual(settled("-a@001000..001040", "-b@001040..001080", "+c@001000..001080"), ["@001000..001080 gone"]);
  });

  it("are too many to say at some time", () => {
    assert.equal(settleChanges(Array.from({ length: 2001 }, () => changesOf("+a@001000..001040")[0])), undefined);
  });

  it("are ascending and apart, whatever they are", () => {
    const change = fc.record({
      address: fc.bigInt({ min: 2n ** 64n - 300n, max: 2n ** 64n - 1n }),
      length: fc.nat(40),
      ...{ name: fc.constantFrom("a", "b", ""), module: fc.constant("bpf"), made: fc.boolean() },
      timeNs: fc.constant(0n),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
        const places = settleChanges(changes) ?? [];
        for (const [index, { start, limit }] of places.entries()) {
          assert.ok(start < limit);
          assert.ok(index === 0 || places[index - 1].limit <= start);
        }
        for (const { address } of changes) {
          const place = Number(BigInt.asIntN(64, address));
          assert.ok(places.some(({ start, limit }) => start <= place && place < limit));
        }
      }),
    );
  });
});
