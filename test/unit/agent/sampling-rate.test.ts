import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { NodeSamplingRate, periodNsOf, type RateState } from "#src/agent/sampling-rate.js";

function rateOf(wantedHz = 19) {
  const told: string[] = [];
  const rate = new NodeSamplingRate(wantedHz, ({ frequencyHz, open }) => {
    told.push(`${frequencyHz}${open ? "" : " closed"}`);
  });
  return { rate, told };
}

describe("the sampling rate", () => {
  it("is the operator's until somebody says otherwise", () => {
    const { rate, told } = rateOf(49);
    assert.deepEqual([rate.frequencyHz, rate.open], [49, true]);
    rate.setWanted(99);
    rate.setWanted(99);
    assert.deepEqual(told, ["99"]);
  });

  it("stays below the budget's ceiling, in whole ticks, and comes back", () => {
    const { rate, told } = rateOf(99);
    for (const ceiling of [200, 40.9, 10, 0.5, 0, 7, Infinity]) rate.setCeiling(ceiling);
    assert.deepEqual(told, ["40", "10", "0", "7", "99"]);
  });

  it("is nothing outside the schedule, but while somebody demands it", () => {
    const { rate, told } = rateOf();
    rate.setOpen(false);
    const first = rate.demand();
    const second = rate.demand();
    first();
    first();
    assert.equal(rate.frequencyHz, 19, "a demand is let go once");
    rate.setOpen(true);
    rate.setOpen(false);
    second();
    assert.deepEqual(told, ["0 closed", "19 closed", "19", "19 closed", "0 closed"]);
  });

  it("never is above ceiling or wish, and is told of each change and no other", () => {
    const step = fc.oneof(
      fc.record({ wanted: fc.integer({ min: 1, max: 999 }) }),
      fc.record({ ceiling: fc.oneof(fc.double({ min: 0, max: 1200, noNaN: true }), fc.constant(Infinity)) }),
      fc.record({ open: fc.boolean() }),
      fc.record({ demand: fc.boolean() }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let told: RateState = { frequencyHz: 50, open: true };
        const said = { wanted: 50, ceiling: Infinity, open: true };
        const held: (() => void)[] = [];
        const rate = new NodeSamplingRate(50, (state) => {
          assert.notDeepEqual({ ...state }, { ...told });
          told = state;
        });
        for (const one of steps) {
          if ("wanted" in one) rate.setWanted((said.wanted = one.wanted));
          if ("ceiling" in one) rate.setCeiling((said.ceiling = one.ceiling));
          if ("open" in one) rate.setOpen((said.open = one.open));
          if ("demand" in one) {
            if (one.demand) held.push(rate.demand());
            else held.pop()?.();
          }
          const wanted = said.open || held.length > 0 ? Math.floor(Math.min(said.wanted, said.ceiling)) : 0;
          assert.deepEqual({ ...told }, { frequencyHz: wanted, open: said.open });
          assert.deepEqual([rate.frequencyHz, rate.open], [told.frequencyHz, told.open]);
        }
      }),
    );
  });

  it("makes the period that the kernel ticks with", () => {
    assert.deepEqual([1, 19, 99, 999].map(periodNsOf), [1_000_000_000, 52_631_579, 10_101_010, 1_001_001]);
  });
});
