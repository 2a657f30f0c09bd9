import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { CodeLog } from "#src/jit/code-log.js";

interface Code {
  readonly start: number;
  readonly size: number;
}

const CODES = fc.array(fc.record({ start: fc.integer({ min: 0, max: 60 }), size: fc.integer({ min: 1, max: 20 }) }), {
  maxLength: 40,
});
const EVERYWHERE = Float64Array.from({ length: 90 }, (_, address) => address);

/** The name of whatever was said last of an address, -1 for none; names are numbers in order. */
function namesByHand(codes: readonly Code[]): number[] {
  return Array.from(EVERYWHERE, (address) =>
    codes.findLastIndex(({ start, size }) => start <= address && address < start + size),
  );
}

function namesOf(log: CodeLog): number[] {
  return Array.from(log.find(EVERYWHERE), (row) => (row < 0 ? -1 : log.name(row)));
}

describe("a log of code", () => {
  it("has at each address what was said last of it", () => {
    fc.assert(
      fc.property(CODES, (codes) => {
        const log = new CodeLog();
        codes.forEach(({ start, size }, name) => assert.equal(log.add(start, size, name), "added"));
        assert.deepEqual(namesOf(log), namesByHand(codes));
      }),
    );
  });

  it("loses nothing that holds anywhere when it makes room, and refuses where there is none", () => {
    const log = new CodeLog(256);
    const said: Code[] = [];
    for (let name = 0; name < 5000; name++) {
      const code = { start: (name * 7) % 80, size: 1 + (name % 9) };
      said.push(code);
      assert.equal(log.add(code.start, code.size, name), "added");
    }
    assert.ok(log.length <= 256);
    assert.deepEqual(namesOf(log), namesByHand(said));

    const full = new CodeLog(256);
    const results = Array.from({ length: 300 }, (_, name) => full.add(1000 * name, 10, name));
    assert.equal(results.filter((result) => result === "added").length, 256);
    assert.equal(results.at(-1), "full");
    assert.equal(full.name(full.find(Float64Array.of(5009))[0]), 5);
  });

  it("refuses what is no range of addresses", () => {
    const log = new CodeLog();
    for (const [start, size] of [
      [0, 0],
      [-1, 5],
      [2 ** 48, 1],
      [16, 2 ** 32],
      [NaN, 1],
      [1, NaN],
    ]) {
      assert.equal(log.add(start, size, 1), "nonsense");
    }
    assert.equal(log.length, 0);
  });

  it("knows what was said last of where something starts, and goes on from columns", () => {
    const log = new CodeLog();
    for (let name = 0; name < 3000; name++) log.add((name % 1500) * 64, 64, name);
    assert.equal(log.name(log.latestAt(64)), 1501);
    assert.equal(log.latestAt(65), -1);
    log.add(64, 8, 9000);
    const other = new CodeLog(undefined, log.columns);
    assert.equal(other.name(other.latestAt(64)), 9000);
    assert.deepEqual(namesOf(other), namesOf(log));
  });

  it("takes a moment for a quarter of a million pieces that all overlap, and as many addresses", () => {
    const log = new CodeLog();
    for (let name = 0; name < 262_144; name++) log.add(name % 1000, 100_000, name);
    const started = performance.now();
    log.find(Float64Array.from({ length: 100_000 }, (_, address) => address));
    assert.ok(performance.now() - started < 2000, "each address is answered once");
  });
});
