import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { SimulatedAgent } from "../../support/budget-plant.js";
import type { Shed } from "#src/budget/rungs.js";

const LIMIT = 240;

/** What each step gives back, and what a load takes that depends on the rate. */
function agent(load: (second: number) => number, limitMebibytes = LIMIT): SimulatedAgent {
  return new SimulatedAgent({
    wantedHz: 99,
    limitMebibytes,
    mebibytes: (rateHz: number, shed: Shed, second: number) =>
      60 +
      (shed.caches ? 5 : 30) +
      (shed.symbols ? 0 : 30) +
      (shed.tables ? 20 : 50) +
      load(second) * (rateHz / 99) * (shed.tables ? 0.5 : 1),
  });
}

describe("a memory budget", () => {
  it("leaves alone what stays below nine tenths of the limit", () => {
    const well = agent(() => 40);
    well.run(3600);
    assert.deepEqual(well.changes, []);
  });

  it("sheds caches, then symbols, then tables, then rate, and no more than it has to", () => {
    const full = agent(() => 400);
    full.run(600);
    const steps = full.changes.map(({ step }) => step);
    assert.deepEqual(steps.slice(0, 4), ["caches", "symbols", "tables", "rate"]);
    assert.ok(full.last.rateHz > 0);
    assert.ok(full.last.mebibytes < LIMIT * 0.96, `${full.last.mebibytes} MiB`);
    const little = agent(() => 70);
    little.run(600);
    assert.deepEqual(
      little.changes.map(({ step }) => step),
      ["caches"],
    );
  });

  it("has shed everything within two seconds where it is urgent", () => {
    const urgent = agent(() => 4000);
    urgent.run(1);
    const start = urgent.changes.length;
    urgent.run(4);
    assert.ok(urgent.changes.length >= start + 4, JSON.stringify(urgent.changes));
  });

  it("recovers when the load goes, and tells both ways", () => {
    const passing = agent((second) => (second < 60 ? 400 : 0));
    passing.run(60);
    assert.ok(passing.last.level >= 4);
    passing.run(300);
    assert.equal(passing.last.level, 0);
    const [{ sheds, recoveries, samplesWhileShed }] = passing.budget.status;
    assert.deepEqual(sheds, recoveries);
    assert.ok(samplesWhileShed > 0);
  });

  it("tries more and more seldom what had to be shed again", () => {
    // Well below the mark with caches shed, above it without.
    const edge = new SimulatedAgent({
      wantedHz: 99,
      limitMebibytes: LIMIT,
      mebibytes: (_, shed) => (shed.caches ? LIMIT * 0.7 : LIMIT * 0.93),
    });
    edge.run(4 * 3600);
    assert.ok(edge.changes.length < 70, `${edge.changes.length} changes`);
    assert.ok(edge.changes.filter(({ second }) => second > 2 * 3600).length <= 26);
  });

  it("is not deceived by what was shed in haste, and could be taken back at once", () => {
    // With tables it is far above the mark, so that rate is shed too before what they gave back shows.
    const edge = agent(() => 197);
    edge.run(4 * 3600);
    const later = edge.changes.filter(({ second }) => second > 3600);
    assert.ok(edge.changes.length < 130, `${edge.changes.length} changes`);
    assert.ok(later.length <= 80, `${later.length} changes after the first hour`);
  });

  it("holds for whatever load: few changes, recovery", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 600 }), { minLength: 1, maxLength: 12 }), (loads) => {
        const changing = agent((second) => (second < 600 * loads.length ? loads[Math.floor(second / 600)] : 0));
        changing.run(600 * loads.length);
        assert.ok(changing.changes.length <= 40 * loads.length, `${changing.changes.length} changes`);
        changing.run(3600);
        assert.equal(changing.last.level, 0);
      }),
      { numRuns: 50 },
    );
  });
});
