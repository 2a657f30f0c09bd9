import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { settleChanges, type SymbolPlace } from "#src/naming/settle-changes.js";
import { changesOf } from "../../support/symbol-records.js";

/** `name@1000..1040` of each place, and after "then" those that are there by the end, where they are others. */
function settled(...texts: string[]): string[] | undefined {
  const settled = settleChanges(changesOf(...texts));
  if (settled === undefined) return undefined;
  const at = (place: number) => BigInt.asUintN(64, BigInt(place)).toString(16).slice(-6);
  const inWords = ({ name, start, limit }: SymbolPlace) => `${name}@${at(start)}..${at(limit)}`;
  const [during, after] = [settled.during.map(inWords), settled.after.map(inWords)];
  return during.join() === after.join() ? during : [...during, "then", ...after];
}

describe("changes of the kernel's symbols in a window", () => {
  it("are where the symbols were, though they are gone", () => {
    assert.deepEqual(settled("+b@002000..002040", "+a@001000..001040"), ["a@001000..001040", "b@002000..002040"]);
    assert.deepEqual(settled("+a@001000..001040", "-a@001000..001040"), ["a@001000..001040", "then"]);
    assert.deepEqual(settled("-a@001000..001040"), ["a@001000..001040", "then"]);
    assert.deepEqual(settled("+a@001000..001040", "-a@001000..001040", "+a@001000..001040"), ["a@001000..001040"]);
  });

  it("are by what was there nearly all the time, whoever tried the place before or after", () => {
    assert.deepEqual(
      settled("+try@001000..001040@1", "-try@001000..001040@1.001", "+a@001020..001080@1.002", "-a@001020..001080@90"),
      ["a@001020..001080", "then"],
    );
    assert.deepEqual(settled("-a@001000..001040@99", "+b@001000..001080@99.5"), [
      "a@001000..001040",
      "then",
      "b@001000..001080",
    ]);
    assert.deepEqual(
      settled("+a@001000..001040@1", "+b@001040..001080@1", "-b@001040..001080@50", "+c@001040..001048@98"),
      ["a@001000..001040", "b@001040..001080", "then", "a@001000..001040", "c@001040..001048"],
    );
    // One that comes and goes is there for all its lives together.
    const again = [10, 30, 50, 70].flatMap((at) => [`+a@001000..001040@${at}`, `-a@001000..001040@${at + 19}`]);
    assert.deepEqual(settled("-b@001000..001040@2", ...again), ["a@001000..001040", "then"]);
  });

  it("have no name where there were several, one after another", () => {
    assert.deepEqual(settled("-a@001000..001040@50", "+b@001020..001080@51"), [
      "@001000..001040",
      "then",
      "b@001020..001080",
    ]);
    assert.deepEqual(settled("+a@001000..001040@1", "-a@001000..001040@50", "+@001000..001040@51"), [
      "@001000..001040",
    ]);
  });

  it("are too many to say at some time", () => {
    const [change] = changesOf("+a@001000..001040").changes;
    assert.equal(settleChanges({ ...changesOf(), changes: Array.from({ length: 2001 }, () => change) }), undefined);
  });

  it("are ascending and apart, whatever they are", () => {
    const change = fc.record({
      address: fc.bigInt({ min: 2n ** 64n - 300n, max: 2n ** 64n - 1n }),
      length: fc.nat(40),
      ...{ name: fc.constantFrom("a", "b", ""), module: fc.constant("bpf"), made: fc.boolean() },
      timeNs: fc.bigInt({ min: 0n, max: 200n }),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
        const { during, after } = settleChanges({ changes, fromNs: 0n, toNs: 100n })!;
        for (const places of [during, after]) {
          for (const [index, { start, limit }] of places.entries()) {
            assert.ok(start < limit);
            assert.ok(index === 0 || places[index - 1].limit <= start);
          }
        }
        for (const { address, length } of changes) {
          const place = Number(BigInt.asIntN(64, address));
          assert.ok(during.some(({ start, limit }) => start < place + Math.max(length, 1) && place < limit));
        }
      }),
    );
  });
});
