import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { WindowLoop, type Rotation, type WindowSpan } from "#src/agent/window-loop.js";

const START = Date.parse("2026-11-21T12:00:00Z");

interface LoopOptions {
  readonly at?: (monotonicMs: number) => void;
  readonly windows?: number;
  readonly lengthMs?: number;
  readonly frequencyHz?: number;
}

/** A loop over a clock that passes only while it is waited for, a second at a time. `at` says what happens then. */
function loopOf(options: LoopOptions = {}) {
  const stop = new AbortController();
  const state = { wallMs: START, monotonicMs: 0, busy: false, settled: true, closesAtMs: Infinity, sleeps: 0 };
  const taken: { readonly window: number; readonly span: WindowSpan }[] = [];
  const told: string[] = [];
  const rotations: Rotation[] = [];
  let window = 0;
  const loop = new WindowLoop<number>(
    {
      clock: {
        wallMs: () => state.wallMs,
        monotonicMs: () => state.monotonicMs,
        sleep: async (ms, signal) => {
          assert.ok(ms > 0, "it never spins");
          assert.ok(++state.sleeps < 10_000, "it comes to an end");
          for (let left = ms; left > 0 && !signal.aborted; left -= 1000) {
            const step = Math.min(1000, left);
            state.wallMs += step;
            state.monotonicMs += step;
            options.at?.(state.monotonicMs);
            if (state.monotonicMs > 24 * 3_600_000) stop.abort();
          }
          await Promise.resolve();
        },
      },
      lengthMs: options.lengthMs ?? 60_000,
      stop: stop.signal,
      setFrequency: (frequencyHz) => {
        if (frequencyHz === 13) throw new Error("the kernel is superstitious");
        told.push(`${frequencyHz} Hz`);
      },
      rotate: (ended) => {
        rotations.push(ended);
        return window++;
      },
      settled: () => state.settled,
      canTake: () => !state.busy,
      take: (number, span) => {
        taken.push({ window: number, span });
        if (taken.length >= (options.windows ?? 3)) stop.abort();
      },
      closesInMs: () => state.closesAtMs - state.monotonicMs,
      onRest: (resting) => told.push(resting ? "rest" : "on"),
      onLongRest: () => told.push(`long rest at ${state.monotonicMs / 60_000} min`),
    },
    { frequencyHz: options.frequencyHz ?? 19, open: true },
  );
  return { loop, state, taken, told, rotations, stop };
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
      loop.begin();
      await loop.run();
      for (const length of seconds(taken)) assert.ok(length >= 6 && length <= 66, String(seconds(taken)));
    });
  }

  it("ends one early when its memory is full, and the next one on time", async () => {
    const { loop, taken } = loopOf({
      at: (monotonicMs) => {
        if (monotonicMs === 10_000) loop.windowFull();
      },
    });
    loop.begin();
    await loop.run();
    assert.deepEqual(
      taken.map(({ span }) => span.end),
      ["memory", "clock", "clock"],
    );
    assert.deepEqual(seconds(taken), [10, 50, 60]);
  });

  it("sleeps through a window, and wakes up for nothing else", async () => {
    const { loop, state } = loopOf({ windows: 10 });
    loop.begin();
    await loop.run();
    assert.ok(state.sleeps <= 11, String(state.sleeps));
  });

  it("lets one go on while those before it are written, and loses nothing", async () => {
    const { loop, state, taken } = loopOf({
      windows: 2,
      at: (monotonicMs) => {
        state.busy = monotonicMs > 70_000 && monotonicMs < 200_000;
      },
    });
    loop.begin();
    await loop.run();
    assert.deepEqual(seconds(taken), [60, 180]);
    assert.equal(loop.postponed, 2);
  });

  it("stops within a window, which then is the last one's to take", async () => {
    const { loop, taken, stop } = loopOf({
      at: (monotonicMs) => {
        if (monotonicMs >= 75_000) stop.abort();
      },
    });
    loop.begin();
    await loop.run();
    assert.equal(taken.length, 1);
    const span = loop.lastSpan();
    assert.equal(span?.end, "stop");
    assert.equal(Number(span.durationNs) / 1e9, 15);
  });
});

describe("a change of the rate", () => {
  it("ends the window before it: each has one rate", async () => {
    const { loop, taken, told, rotations } = loopOf({
      windows: 4,
      at: (monotonicMs) => {
        if (monotonicMs === 20_000) loop.setRate({ frequencyHz: 99, open: true });
        if (monotonicMs === 30_000) loop.setRate({ frequencyHz: 5, open: true });
      },
    });
    loop.begin();
    await loop.run();
    assert.deepEqual(seconds(taken), [20, 10, 30, 60]);
    assert.deepEqual(
      taken.map(({ span }) => [span.frequencyHz, span.end]),
      [
        [19, "rate"],
        [99, "rate"],
        [5, "clock"],
        [5, "clock"],
      ],
    );
    assert.deepEqual(told, ["99 Hz", "5 Hz"]);
    assert.deepEqual(rotations, ["part", "part", "whole", "whole"]);
  });

  it("to nothing leaves no windows, and wakes nobody up, until there is one again", async () => {
    const { loop, state, taken, told, rotations } = loopOf({
      windows: 2,
      at: (monotonicMs) => {
        if (monotonicMs === 20_000) loop.setRate({ frequencyHz: 0, open: true });
        if (monotonicMs === 3_620_000) loop.setRate({ frequencyHz: 99, open: true });
      },
    });
    loop.begin();
    await loop.run();
    assert.deepEqual(
      taken.map(({ span }) => [Number(span.durationNs) / 1e9, span.frequencyHz, span.end]),
      [
        [20, 19, "rate"],
        [40, 99, "clock"],
      ],
    );
    assert.equal(new Date(Number(taken[1].span.startNs / 1_000_000n)).toISOString(), "2026-11-21T13:00:20.000Z");
    assert.deepEqual(
      told.filter((text) => !text.startsWith("long")),
      ["0 Hz", "rest", "99 Hz", "on"],
    );
    assert.deepEqual(rotations, ["rest", "whole"]);
    assert.ok(state.sleeps < 10, `${state.sleeps} wake-ups in an hour of rest`);
  });

  it("to nothing waits for the rows of what was sampled, but not for ever", async () => {
    for (const [settledAtMs, tookMs] of [
      [20_700, 700],
      [Infinity, 5000],
    ]) {
      let takenAtMs = 0;
      const { loop, state, taken, stop } = loopOf({
        windows: 1,
        at: (monotonicMs) => {
          if (monotonicMs === 20_000) {
            state.settled = false;
            loop.setRate({ frequencyHz: 0, open: true });
          }
          if (monotonicMs >= settledAtMs) state.settled = true;
        },
      });
      stop.signal.addEventListener("abort", () => (takenAtMs = state.monotonicMs));
      loop.begin();
      await loop.run();
      assert.equal(seconds(taken)[0], 20, "its time is that of the sampling");
      assert.equal(takenAtMs, 20_000 + tookMs);
    }
  });

  it("lets go of what the next window would need when the rest is a long one", async () => {
    const { loop, told } = loopOf({
      windows: 3,
      at: (monotonicMs) => {
        if (monotonicMs === 60_000) loop.setRate({ frequencyHz: 0, open: true });
        if (monotonicMs === 600_000) loop.setRate({ frequencyHz: 19, open: true });
        if (monotonicMs === 601_000) loop.setRate({ frequencyHz: 0, open: true });
        if (monotonicMs === 7_200_000) loop.setRate({ frequencyHz: 19, open: true });
      },
    });
    loop.begin();
    await loop.run();
    assert.deepEqual(
      told.filter((text) => text.startsWith("long")),
      ["long rest at 25.016666666666666 min"],
    );
  });

  it("while it rests from the start begins the first window", async () => {
    const { loop, taken, told } = loopOf({
      windows: 1,
      frequencyHz: 0,
      at: (monotonicMs) => {
        if (monotonicMs === 90_000) loop.setRate({ frequencyHz: 19, open: true });
      },
    });
    loop.begin();
    assert.equal(loop.lastSpan(), undefined);
    assert.equal(loop.ageMs, 0);
    await loop.run();
    assert.deepEqual(seconds(taken), [30]);
    assert.equal(taken[0].span.first, true);
    assert.deepEqual(told, ["rest", "19 Hz", "on"]);
  });

  it("that the kernel refuses ends the loop with what it said", async () => {
    const { loop } = loopOf({
      at: (monotonicMs) => {
        if (monotonicMs === 20_000) loop.setRate({ frequencyHz: 13, open: true });
      },
    });
    loop.begin();
    await assert.rejects(loop.run(), /the kernel is superstitious/);
  });
});

describe("windows and a schedule", () => {
  it("are cut where it closes, and those that somebody demands outside it are not exported", async () => {
    const { loop, taken } = loopOf({
      windows: 3,
      at: (monotonicMs) => {
        if (monotonicMs === 10_000) loop.setRate({ frequencyHz: 19, open: false });
        if (monotonicMs === 15_000) loop.setRate({ frequencyHz: 0, open: false });
        if (monotonicMs === 40_000) loop.setRate({ frequencyHz: 19, open: true });
      },
    });
    loop.begin();
    await loop.run();
    assert.deepEqual(
      taken.map(({ span }) => [Number(span.durationNs) / 1e9, span.exported, span.end]),
      [
        [10, true, "schedule"],
        [5, false, "rate"],
        [20, true, "clock"],
      ],
    );
  });

  for (const [name, closesAtMs, lengths] of [
    ["of a whole window", 60_000, [60]],
    ["of a window and a crumb", 63_000, [63]],
    ["of a window and a half", 90_000, [60, 30]],
    ["of two windows", 120_000, [60, 60]],
    ["shorter than a window", 20_000, [20]],
  ] as const) {
    it(`a run ${name}: ${lengths.join(" and ")} s`, async () => {
      const { loop, state, taken } = loopOf({
        windows: lengths.length,
        at: (monotonicMs) => {
          // The schedule's timer is a second late.
          if (monotonicMs === closesAtMs + 1000) loop.setRate({ frequencyHz: 0, open: false });
        },
      });
      state.closesAtMs = closesAtMs;
      loop.begin();
      await loop.run();
      const wanted = lengths.map((length, index) => length + (index === lengths.length - 1 ? 1 : 0));
      assert.deepEqual(seconds(taken), wanted);
      assert.equal(taken.at(-1)!.span.end, "schedule");
    });
  }
});
