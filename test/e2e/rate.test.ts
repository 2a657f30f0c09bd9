import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { NodeSamplingRate, periodNsOf } from "#src/agent/sampling-rate.js";
import { WindowLoop, type WindowSpan } from "#src/agent/window-loop.js";
import type { Window } from "#src/capture/window.js";
import { systemClock } from "#src/util/clock.js";
import { LiveCapture } from "../support/live-capture.js";
import { until } from "../support/until.js";

const needsRoot = process.getuid?.() === 0 ? false : "sampling needs root";

interface Taken {
  readonly window: Window;
  readonly span: WindowSpan;
}

/** A capture and its windows, put together as the agent does. */
class LiveRate {
  readonly live = new LiveCapture({ frequencyHz: 19 });
  readonly taken: Taken[] = [];
  readonly #stop = new AbortController();
  readonly #loop: WindowLoop<Window>;
  readonly rate: NodeSamplingRate;
  #running: Promise<void> | undefined;

  constructor() {
    const { capture } = this.live;
    this.#loop = new WindowLoop<Window>(
      {
        clock: systemClock,
        lengthMs: 60_000,
        stop: this.#stop.signal,
        setFrequency: (frequencyHz) => capture.setFrequency(frequencyHz),
        rotate: (ended) => capture.rotate(ended),
        settled: () => capture.settled,
        canTake: () => true,
        take: (window, span) => this.taken.push({ window, span }),
        closesInMs: () => Infinity,
        onRest: () => undefined,
        onLongRest: () => undefined,
      },
      { frequencyHz: 19, open: true },
    );
    this.rate = new NodeSamplingRate(19, (state) => this.#loop.setRate(state));
  }

  start(): void {
    this.live.capture.start();
    this.#loop.begin();
    this.#running = this.#loop.run();
  }

  /** Gives how many samples the kernel side has taken. */
  async stop(): Promise<number> {
    this.#stop.abort();
    await this.#running;
    const span = this.#loop.lastSpan();
    const { sampler } = this.live.capture;
    sampler.stop();
    const { samples, samples_dropped: dropped } = sampler.counters();
    const window = await this.live.stop();
    if (span !== undefined) this.taken.push({ window, span });
    return samples + dropped;
  }

  get samples(): number {
    return this.taken.reduce((sum, { window }) => sum + window.total, 0);
  }
}

/**
 * Spins on one CPU, before nearly all others, so that hardly any share of it is a matter of chance. Not of the real-time class: from that
 * the kernel takes 50 ms of each second, and 19 ticks of a second leave 52 between two of them.
 */
class Spinner {
  readonly #child = spawn(
    "timeout",
    ["120", "taskset", "-c", "0", "nice", "-n", "-20", "sh", "-c", "echo $$; while :; do :; done"],
    { stdio: ["ignore", "pipe", "ignore"] },
  );
  pid = 0;

  async begun(): Promise<void> {
    const [text] = (await once(this.#child.stdout, "data")) as [Buffer];
    this.pid = Number(text.toString());
  }

  /** By the scheduler's own count. */
  cpuNs(): number {
    return Number(readFileSync(`/proc/${this.pid}/schedstat`, "latin1").split(" ")[0]);
  }

  ticksIn(window: Window): number {
    const threads = window.threads.threads();
    const { length, thread, ticks } = window.samples();
    let sum = 0;
    for (let row = 0; row < length; row++) sum += threads[thread[row]].pid === this.pid ? ticks[row] : 0;
    return sum;
  }

  stop(): void {
    this.#child.kill();
  }
}

describe("a rate that changes", { skip: needsRoot }, () => {
  it("has a window for each, whose ticks are its CPU time within 5 %, and loses no sample", async (t) => {
    const spinner = new Spinner();
    const live = new LiveRate();
    const usedNs: number[] = [];
    let lastNs = 0;
    let samples = 0;
    try {
      await spinner.begun();
      live.start();
      lastNs = spinner.cpuNs();
      const change = (make: () => void): void => {
        make();
        const now = spinner.cpuNs();
        usedNs.push(now - lastNs);
        lastNs = now;
      };
      await sleep(6000);
      change(() => live.rate.setWanted(99));
      await sleep(3000);
      change(() => live.rate.setCeiling(0));
      await sleep(1500);
      const { ticks } = live.live.capture.sampler.counters();
      await sleep(1500);
      assert.equal(live.live.capture.sampler.counters().ticks, ticks, "at rest nothing ticks");
      await until(() => live.taken.length === 2, 10_000);
      change(() => live.rate.setCeiling(19));
      await sleep(6000);
      change(() => live.rate.setWanted(999));
      change(() => live.rate.setCeiling(999));
      await sleep(1000);
      usedNs.push(spinner.cpuNs() - lastNs);
    } finally {
      samples = await live.stop();
      spinner.stop();
    }
    const rates = live.taken.map(({ span }) => span.frequencyHz);
    assert.deepEqual(rates, [19, 99, 19, 999]);
    usedNs.splice(2, 1); // the rest
    usedNs.splice(3, 1); // wanted, but not allowed: no change
    for (const [index, { window, span }] of live.taken.entries()) {
      const periodNs = periodNsOf(span.frequencyHz);
      const sampledNs = spinner.ticksIn(window) * periodNs;
      t.diagnostic(
        `${span.frequencyHz} Hz: ${(sampledNs / 1e6).toFixed(0)} ms of ${(usedNs[index] / 1e6).toFixed(0)} ms, in a window of ${Number(span.durationNs) / 1e6} ms`,
      );
      assert.ok(Math.abs(sampledNs - usedNs[index]) <= usedNs[index] * 0.05 + periodNs, `${span.frequencyHz} Hz`);
    }
    assert.equal(live.samples, samples);
  });

  it("may change a hundred times in a second, and back, and loses no sample", async () => {
    const live = new LiveRate();
    let samples = 0;
    const busy = cpus().map(() => spawn("timeout", ["60", "sh", "-c", "while :; do :; done"], { stdio: "ignore" }));
    try {
      live.start();
      for (let change = 0; change < 100; change++) {
        const release = change % 3 === 0 ? live.rate.demand() : undefined;
        live.rate.setOpen(change % 4 !== 0);
        live.rate.setWanted(100 + ((change * 37) % 800));
        await sleep(10);
        release?.();
      }
      live.rate.setOpen(true);
    } finally {
      samples = await live.stop();
      busy.forEach((child) => child.kill());
    }
    assert.equal(live.samples, samples);
    assert.ok(samples > 100);
    for (const { span } of live.taken) assert.ok(span.frequencyHz > 0 && span.durationNs >= 0n);
  });
});
