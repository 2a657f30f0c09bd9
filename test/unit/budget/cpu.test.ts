import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { SimulatedAgent } from "../../support/budget-plant.js";

const LIMIT = 0.01;

/** Sampling costs so much at 999 Hz, and besides there is what has nothing to do with it. */
function linear(atFullRate: number, fixed: number, load: (second: number) => number = () => 1) {
  return (rateHz: number, _: unknown, second: number): number =>
    fixed + (atFullRate - fixed) * (rateHz / 999) * load(second);
}

function agent(cores: (rateHz: number, shed: unknown, second: number) => number, wantedHz = 999): SimulatedAgent {
  return new SimulatedAgent({ wantedHz, cores, limitCores: LIMIT });
}

describe("a CPU budget", () => {
  it("leaves alone what stays below the limit, and bursts that the time between makes up for", () => {
    const windows = agent((_, __, second) => (second % 60 < 1 ? 0.2 : 0.004));
    windows.run(3600);
    assert.deepEqual(windows.changes, []);
  });

  it("sheds in the stated order", () => {
    const busy = agent(linear(0.04, 0.002));
    busy.run(60);
    assert.deepEqual(
      busy.changes.slice(0, 3).map(({ step, level, isShed }) => [step, level, isShed]),
      [
        ["conversions", 1, true],
        ["symbols", 2, true],
        ["rate", 3, true],
      ],
    );
  });

  it("has its use within the limit soon, and keeps it there", () => {
    const busy = agent(linear(0.04, 0.002));
    busy.run(60);
    busy.run(60);
    assert.ok(busy.meanCores(60) <= LIMIT * 1.1, `${busy.meanCores(60)}`);
    busy.run(3600);
    assert.ok(busy.meanCores(3600) <= LIMIT, `${busy.meanCores(3600)}`);
    assert.ok(busy.last.rateHz >= 62, `${busy.last.rateHz} Hz`);
  });

  it("takes everything back when the load goes, the last shed first", () => {
    const busy = agent(linear(0.04, 0.0004, (second) => (second < 120 ? 1 : 0)));
    busy.run(120);
    const levels = busy.last.level;
    busy.run(180);
    assert.equal(busy.last.level, 0);
    assert.equal(busy.last.rateHz, 999);
    const back = busy.changes.filter(({ second }) => second >= 120).map(({ level }) => level);
    assert.deepEqual(
      back,
      Array.from({ length: levels }, (_, at) => levels - at),
    );
  });

  it("does not go to and fro where twice the rate is a little too much", () => {
    // Half of the full rate takes 0.55 of the limit, and the full rate 1.1.
    const edge = agent(linear(LIMIT * 1.1, 0));
    edge.run(4 * 3600);
    assert.ok(edge.changes.length < 60, `${edge.changes.length} changes`);
    assert.ok(edge.changes.filter(({ second }) => second > 2 * 3600).length <= 20);
    assert.ok(edge.meanCores(3600) <= LIMIT * 1.02);
  });

  it("keeps what it learned of one rung while others go and come with the load's waves", () => {
    // Below 0.6 of the limit in the trough of each wave, 85 seconds long, and twice that at the full rate.
    const waves = agent((rateHz, _, second) => 0.014 * (rateHz / 6) * (1 + 0.5 * Math.sin(second * 534)), 6);
    waves.run(3600);
    assert.ok(waves.changes.length < 40, `${waves.changes.length} changes`);
    assert.ok(waves.meanCores(3480) <= LIMIT);
  });

  it("recovers although most of its use has nothing to do with sampling", () => {
    const idle = agent(linear(0.03, LIMIT * 0.8, (second) => (second < 60 ? 1 : 0)));
    idle.run(60);
    assert.ok(idle.last.level > 2);
    idle.run(3 * 3600);
    assert.equal(idle.last.level, 0);
  });

  it("ends at no rate at all where even one sample a second is too much", () => {
    const hopeless = agent(() => 0.05, 19);
    hopeless.run(120);
    assert.equal(hopeless.last.rateHz, 0);
    const rates = new Set(hopeless.moments.map(({ rateHz }) => rateHz));
    assert.deepEqual(
      [...rates].every((rate) => [19, 9, 4, 2, 1, 0].includes(rate)),
      true,
      String([...rates]),
    );
  });

  it("holds for whatever plant: bounded use, few changes, recovery", () => {
    fc.assert(
      fc.property(
        fc.record({
          wantedHz: fc.integer({ min: 1, max: 999 }),
          atWanted: fc.double({ min: 0.001, max: 0.3, noNaN: true }),
          fixedShare: fc.double({ min: 0, max: 0.5, noNaN: true }),
          noise: fc.double({ min: 0, max: 0.5, noNaN: true }),
          seed: fc.integer({ min: 1, max: 1000 }),
        }),
        ({ wantedHz, atWanted, fixedShare, noise, seed }) => {
          const loadEnds = 3600;
          const cores = (rateHz: number, _: unknown, second: number): number => {
            const wobble = 1 + noise * Math.sin(second * seed);
            const load = second < loadEnds ? 1 : 0;
            return LIMIT * fixedShare * wobble + atWanted * (rateHz / wantedHz) * load * wobble;
          };
          const simulated = new SimulatedAgent({ wantedHz, cores, limitCores: LIMIT });
          simulated.run(120);
          simulated.run(loadEnds - 120);
          assert.ok(simulated.meanCores(loadEnds - 120) <= LIMIT * 1.1, `${simulated.meanCores(loadEnds - 120)} cores`);
          assert.ok(simulated.changes.length < 80, `${simulated.changes.length} changes`);
          simulated.run(2 * 3600);
          assert.equal(simulated.last.level, 0);
          assert.equal(simulated.last.rateHz, wantedHz);
        },
      ),
      { numRuns: 60 },
    );
  });
});
