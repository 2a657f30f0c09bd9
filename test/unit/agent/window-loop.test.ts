import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { WindowLoop, type WindowSpan } from "#src/agent/window-loop.js";

const START = Date.parse("2026-11-21T12:00:00Z");

/** A loop over a clock that passes only while it is waited for. `at` says what happens before each wait. */
function loopOf(options: { at?: (monotonicMs: number) => void; windows?: number; lengthMs?: number } = {}) {
  const state = {
    ...{ wallMs: START, monotonicMs: 0, full: false, busy: false, stopping: false },
    lengthMs: options.lengthMs ?? 60_000,
  };
  const taken: { readonly window: number; readonly span: WindowSpan }[] = [];
  let window = 0;
  let waits = 0;
  const loop = new WindowLoop<number>({
    clock: { wallMs: () => state.wallMs, monotonicMs: () => state.monotonicMs },
    lengthMs: () => state.lengthMs,
    rotate: () => window++,
    isFull: () => state.full,
    canTake: () => !state.busy,
    take: (number, span) => {
      taken.push({ window: number, span });
      state.full = false;
      if (taken.length >= (options.windows ?? 3)) state.stopping = true;
    },
    wait: (ms) => {
      assert.ok(ms > 0, "it never spins");
      assert.ok(++waits < 100_000, "it comes to an end");
      state.wallMs += ms;
      state.monotonicMs += ms;
      options.at?.(state.monotonicMs);
      return Promise.resolve();
    },
    stopping: () => state.stopping,
  });
  return { loop, state, taken };
}

function seconds(spans: readonly { readonly span: WindowSpan }[]): number[] {
  return spans.map(({ span }) => Number(span.durationNs) / 1e9);
}

describe("the loop of windows", () => {
  it("ends them at full minutes, the first one shorter", async () => {
    const { loop, state, taken } = loopOf();
    state.wallMs = START + 40_000;
    loop.begin();
    await loop.run();
    assert.deepEqual(seconds(taken), [20, 60, 60]);
    assert.deepEqual(
      taken.map(({ span }) => new Date(Number(span.startNs / 1_000_000n)).toISOString()),
      ["2026-11-21T12:00:40.000Z", "2026-11-21T12:01:00.000Z", "2026-11-21T12:02:00.000Z"],
    );
    assert.deepEqual(
      taken.map(({ span }) => [span.end, span.first]),
      [
        ["clock", true],
        ["clock", false],
        ["clock", false],
      ],
    );
  });

  for (const [name, jumpMs] of [
    ["an hour back", -3_600_000],
    ["an hour on", 3_600_000],
    ["ten seconds back", -10_000],
    ["59.999 seconds on", 59_999],
    ["to before the epoch", -START - 5000],
  ] as const) {
    it(`outlives a clock that is set ${name}: no window is empty, negative or endless`, async () => {
      let jumped = false;
      const { loop, state, taken } = loopOf({
        windows: 4,
        at: (monotonicMs) => {
          if (!jumped && monotonicMs > 90_000) {
            jumped = true;
            state.wallMs += jumpMs;
          }
        },
      });
      await loop.run();
      for (const length of seconds(taken)) assert.ok(length >= 6 && length <= 66, String(seconds(taken)));
    });
  }

  it("ends one early when its memory is full, and the next one on time", async () => {
    const { loop, state, taken } = loopOf({
      at: (monotonicMs) => {
        if (monotonicMs === 10_000) state.full = true;
      },
    });
    await loop.run();
    assert.deepEqual(
      taken.map(({ span }) => span.end),
      ["memory", "clock", "clock"],
    );
    assert.deepEqual(seconds(taken), [10, 50, 60]);
  });

  it("lets one go on while those before it are written, and loses nothing", async () => {
    const { loop, state, taken } = loopOf({
      windows: 2,
      at: (monotonicMs) => {
        state.busy = monotonicMs > 70_000 && monotonicMs < 200_000;
      },
    });
    await loop.run();
    assert.deepEqual(seconds(taken), [60, 180]);
    assert.equal(loop.postponed, 2);
  });

  for (const [to, expected] of [
    [10_000, [30, 10, 10]],
    [600_000, [600, 600]],
    [25_000, [50, 25]],
  ] as const) {
    it(`ends the present one at the next multiple of a length that became ${to / 1000} s, without a gap`, async () => {
      const { loop, state, taken } = loopOf({
        windows: expected.length,
        at: (monotonicMs) => {
          if (monotonicMs === 25_000) state.lengthMs = to;
        },
      });
      await loop.run();
      assert.deepEqual(seconds(taken), expected);
      let end = taken[0].span.startNs;
      for (const { span } of taken) {
        assert.equal(span.startNs, end);
        end += span.durationNs;
      }
    });
  }

  it("stops within a window, which then is the last one's to take", async () => {
    const { loop, state, taken } = loopOf({
      at: (monotonicMs) => {
        if (monotonicMs >= 75_000) state.stopping = true;
      },
    });
    await loop.run();
    assert.equal(taken.length, 1);
    const { durationNs, end } = loop.span("stop");
    assert.equal(end, "stop");
    assert.equal(Number(durationNs) / 1e9, 15);
    assert.equal(state.stopping, true);
  });
});
