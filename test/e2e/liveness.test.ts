import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { describeHealth } from "#src/agent/describe-health.js";
import { AgentHealth } from "#src/agent/health.js";
import { SampleTotals } from "#src/agent/sample-totals.js";
import { NodeSamplingRate } from "#src/agent/sampling-rate.js";
import { WindowLoop } from "#src/agent/window-loop.js";
import { WindowWriter } from "#src/agent/window-writer.js";
import type { Capture } from "#src/capture/capture.js";
import type { Window } from "#src/capture/window.js";
import type { Session, SessionOptions } from "#src/native/addon.js";
import { loadNative, type Native } from "#src/native/load.js";
import { LiveCapture } from "../support/live-capture.js";
import { ManualClock } from "../support/manual-clock.js";
import { cannotRecord } from "../support/record.js";
import { until } from "../support/until.js";

const WINDOW_MS = 10_000;
/** Room for one that waits: the others are dropped. */
const WINDOW_BYTES = 1;
const MINUTE_MS = 61_000;

/** The native part, whose drain gives nothing any more once it is told to hang. */
function hangingDrain(): { readonly native: Native; readonly fault: { hangs: boolean } } {
  const fault = { hangs: false };
  const native = loadNative();
  const { addon } = native;
  const createSession = (options: SessionOptions): Session => {
    const session = addon.createSession(options);
    return new Proxy(session, {
      get(target, name) {
        if (name === "drain" && fault.hangs) return () => ({ bytes: 0, more: false });
        const member: unknown = Reflect.get(target, name);
        return typeof member === "function" ? (member.bind(target) as unknown) : member;
      },
    });
  };
  return { native: { ...native, addon: { ...addon, createSession } }, fault };
}

/** What an agent is made of, as far as its health is told from it; writing never ends. */
function partsOf(capture: Capture) {
  const clock = new ManualClock();
  const totals = new SampleTotals();
  const writer = new WindowWriter<Window>(
    {
      clock,
      write: () => new Promise<void>(() => undefined),
      onDone: () => undefined,
      onFailure: () => undefined,
      onDropped: () => undefined,
    },
    WINDOW_BYTES,
  );
  const state = { frequencyHz: 199, open: true };
  const loop = new WindowLoop<Window>(
    {
      clock,
      lengthMs: WINDOW_MS,
      stop: new AbortController().signal,
      setFrequency: () => undefined,
      rotate: (ended) => capture.rotate(ended),
      settled: () => true,
      canTake: () => writer.canTake,
      take: (window, span) => {
        totals.add(window);
        writer.take(window, span);
      },
      closesInMs: () => Infinity,
      onRest: () => undefined,
      onLongRest: () => undefined,
    },
    state,
  );
  loop.begin();
  const health = new AgentHealth();
  const ok = { state: "ok", detail: "" } as const;
  describeHealth(health, {
    ...{ capture, clock, loop, writer, totals },
    delivery: { counts: new Map(), intakes: [] },
    sources: { runtimesHealth: () => ok, podsHealth: () => ok },
    check: { problem: "" },
    rate: new NodeSamplingRate(state.frequencyHz, () => undefined),
    scheduling: undefined,
  });
  /** Ends the present window, as one does where the rate changes. */
  const endWindow = (): void => {
    loop.setRate(state);
  };
  return { clock, health, loop, writer, endWindow };
}

/** Something to sample, on a machine that is idle otherwise. */
async function burn(done: () => boolean): Promise<void> {
  await until(() => {
    for (const end = performance.now() + 20; performance.now() < end;);
    return done();
  });
}

describe("an agent with a fault", { skip: cannotRecord() }, () => {
  it("is not alive when the ring is drained no more", async () => {
    const { native, fault } = hangingDrain();
    const live = new LiveCapture({ frequencyHz: 199 }, native);
    const { capture } = live;
    try {
      const { clock, health, loop } = partsOf(capture);
      capture.start();
      await burn(() => capture.intake.window.total > 0);
      assert.equal(health.liveness?.problem(), undefined);
      fault.hangs = true;
      const { samples } = capture.sampler.counters();
      await burn(() => capture.sampler.counters().samples > samples + 10);
      assert.equal(health.liveness?.problem(), undefined);
      await burn(() => capture.sampler.counters().samples > samples + 20);
      health.liveness?.problem(); // a probe sees that they wait
      clock.advance(MINUTE_MS);
      await burn(() => capture.sampler.counters().samples > samples + 30);
      clock.advance(MINUTE_MS);
      loop.begin();
      assert.equal(health.liveness?.problem(), "samples wait in the ring, and none has been taken out for 122 s.");
      fault.hangs = false;
      await burn(() => capture.intake.window.total > 30);
    } finally {
      await live.stop();
    }
  });

  it("is not alive when a window is never written, though windows end as their memory is full", async () => {
    const live = new LiveCapture({ frequencyHz: 199 });
    const { capture } = live;
    try {
      const { clock, health, loop, writer, endWindow } = partsOf(capture);
      capture.start();
      for (let window = 0; window < 6; window++) {
        const before = capture.sampler.counters().samples;
        await burn(() => capture.sampler.counters().samples > before + 2 && capture.intake.window.total > 0);
        endWindow();
        assert.equal(health.liveness?.problem(), undefined);
        clock.advance(WINDOW_MS);
      }
      await burn(() => capture.intake.window.total > 0);
      assert.equal(writer.dropped, 4);
      assert.ok(loop.ageMs <= WINDOW_MS, "windows end, and yet");
      clock.advance(1000);
      assert.equal(health.liveness?.problem(), "a window of 10 s has been in writing for 61 s.");
    } finally {
      await live.stop();
    }
  });
});
