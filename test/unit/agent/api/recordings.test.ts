import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Recordings, type RecordingsModules } from "#src/agent/api/recordings.js";
import { Tap } from "#src/capture/tap.js";
import type { RecordingQuery } from "#src/agent/api/query.js";
import { ProfileBuilder } from "../../../support/profile-builder.js";
import { until } from "../../../support/until.js";

const ANY: RecordingQuery = { seconds: 1, namespace: undefined, pod: undefined, container: undefined, pid: undefined };
const NEVER = new AbortController().signal;

interface Its extends Partial<RecordingsModules> {
  readonly late?: number;
}

function setUp({ late = 0, ...its }: Its = {}) {
  const taps = new Set<Tap>();
  const closed: { readonly tap: Tap; readonly waitMs: number }[] = [];
  const rate = { frequencyHz: 100, demands: 0, released: 0 };
  const spans: unknown[] = [];
  const recordings = new Recordings({
    capture: {
      openTap: (wants) => {
        const tap = new Tap(wants);
        taps.add(tap);
        return tap;
      },
      closeTap: (tap, waitMs) => {
        tap.end();
        closed.push({ tap, waitMs });
        return Promise.resolve({ window: tap.window, late });
      },
      dropTap: (tap) => taps.delete(tap),
    },
    rate: {
      get frequencyHz() {
        return rate.frequencyHz;
      },
      demand: () => {
        rate.demands++;
        return () => {
          rate.released++;
        };
      },
    },
    wants: () => () => true,
    make: (_window, span) => {
      spans.push(span);
      const parts = ["shop", "jobs"].map((namespace) => ({
        ...{ service: namespace, env: "", version: "" },
        labels: new Map([["namespace", namespace]]),
        profile: ProfileBuilder.parse("sh;main;work 3\nsh;main 2", { periodNs: span.periodNs }),
      }));
      const endNs = span.startNs + span.durationNs;
      return Promise.resolve({
        batch: { startNs: span.startNs, endNs, profiles: parts },
        refused: new Map([["opted-out", 4]]),
      });
    },
    most: 2,
    memoryBytes: 32 << 20,
    stopping: NEVER,
    ...its,
  });
  return { recordings, taps, closed, rate, spans };
}

const whole = <T>(recording: T): Promise<T> => Promise.resolve(recording);

describe("a recording", () => {
  it("takes as long as asked, and gives what matches, with what its reader should know", async () => {
    const { recordings, taps, closed, rate, spans } = setUp({ late: 3 });
    const start = performance.now();
    const result = await recordings.record({ ...ANY, namespace: "shop" }, NEVER, whole);
    assert.ok(performance.now() - start >= 990);
    assert.ok(result.kind === "recorded");
    const { made } = result;
    assert.equal(made.samples, 5);
    assert.deepEqual(
      made.threadLabels.map((labels) => Object.fromEntries(labels)),
      [{ namespace: "shop", service: "shop", env: "", version: "" }],
    );
    assert.deepEqual([made.end, made.profile.periodNs], ["time", 10_000_000]);
    assert.ok(made.profile.durationNs >= 990_000_000n);
    assert.deepEqual(made.notes, [
      "3 samples are not in it: the unwind rows of their files did not come in time.",
      "4 samples were left out: opted-out.",
    ]);
    assert.equal(spans.length, 1);
    assert.deepEqual([taps.size, closed[0].waitMs], [0, 200]);
    assert.deepEqual([rate.demands, rate.released], [1, 1]);
    assert.deepEqual([recordings.running, recordings.ended.time, recordings.lateSamples], [0, 1, 3]);
  });

  it("is refused at once where as many as may are under way, and told when to come again", async () => {
    const { recordings } = setUp();
    const running = [1, 2].map((seconds) => recordings.record({ ...ANY, seconds }, NEVER, whole));
    const refused = await recordings.record(ANY, NEVER, whole);
    assert.ok(refused.kind === "busy" && refused.retryAfterMs >= 1000 && refused.retryAfterMs <= 1001);
    assert.equal(recordings.running, 2);
    await running[0];
    const next = recordings.record(ANY, NEVER, whole);
    assert.deepEqual(
      (await Promise.all([...running, next])).map(({ kind }) => kind),
      ["recorded", "recorded", "recorded"],
    );
  });

  it("ends when whoever asked is gone, and frees its place", async () => {
    const { recordings, taps, rate, spans } = setUp();
    const asking = new AbortController();
    const recording = recordings.record({ ...ANY, seconds: 300 }, asking.signal, whole);
    await sleep(20);
    assert.equal(taps.size, 1);
    asking.abort();
    assert.deepEqual(await recording, { kind: "abandoned" });
    assert.deepEqual([taps.size, recordings.running, rate.released, spans.length], [0, 0, 1, 0]);
    assert.equal(recordings.ended["client-gone"], 1);
    assert.deepEqual(await recordings.record(ANY, asking.signal, whole), { kind: "abandoned" });
  });

  it("ends when the agent stops, also one asked for then", async () => {
    const stopping = new AbortController();
    const { recordings } = setUp({ stopping: stopping.signal });
    const recording = recordings.record({ ...ANY, seconds: 300 }, NEVER, whole);
    stopping.abort();
    assert.deepEqual(await recording, { kind: "abandoned" });
    assert.deepEqual(await recordings.record(ANY, NEVER, whole), { kind: "abandoned" });
    await recordings.settled(1000);
  });

  it("ends early where the rate changes with a window, and says so", async () => {
    const { recordings, taps, rate } = setUp();
    const recording = recordings.record({ ...ANY, seconds: 100 }, NEVER, whole);
    const [tap] = taps;
    tap.windowEnded();
    await sleep(20);
    assert.equal(taps.size, 1, "a window that ends by the clock changes nothing");
    tap.windowEnded();
    rate.frequencyHz = 19;
    const result = await recording;
    assert.ok(result.kind === "recorded");
    assert.match(result.made.notes[0], /^It ended after 0\.\d s of 100: the sampling rate changed\.$/);
    assert.equal(result.made.profile.periodNs, 10_000_000);
  });

  it("is not begun where nothing is sampled", async () => {
    const { recordings, rate } = setUp();
    rate.frequencyHz = 0;
    assert.deepEqual(await recordings.record(ANY, NEVER, whole), { kind: "paused" });
    assert.deepEqual([rate.released, recordings.ended.paused], [1, 1]);
  });

  it("ends early, the largest first, where all together take too much memory", async () => {
    const { recordings, taps } = setUp({ memoryBytes: 2 << 20 });
    const small = recordings.record({ ...ANY, seconds: 2 }, NEVER, whole);
    const large = recordings.record({ ...ANY, seconds: 100 }, NEVER, whole);
    const words = new Uint32Array(64);
    for (let at = 0; at < 10_000; at++) {
      words[0] = at;
      [...taps][1].window.stacks.intern(words, 0, 32, 0);
    }
    const result = await large;
    assert.ok(result.kind === "recorded" && result.made.end === "memory");
    assert.match(result.made.notes[0], /^It ended after .* of 100: recordings had no memory left\.$/);
    const other = await small;
    assert.ok(other.kind === "recorded" && other.made.end === "time");
  });

  it("is counted as failed, and frees its place, where it cannot be made", async () => {
    const { recordings, taps, rate } = setUp({ make: () => Promise.reject(new Error("no names")) });
    await assert.rejects(recordings.record(ANY, NEVER, whole), /no names/);
    assert.deepEqual([taps.size, recordings.running, rate.released, recordings.ended.failed], [0, 0, 1, 1]);
  });

  it("is made one after another", async () => {
    let making = 0;
    let most = 0;
    const { recordings } = setUp({ most: 5 });
    const slowly = async (): Promise<void> => {
      most = Math.max(most, ++making);
      await sleep(30);
      making--;
    };
    await Promise.all(Array.from({ length: 5 }, () => recordings.record(ANY, NEVER, slowly)));
    assert.equal(most, 1);
    await until(() => recordings.running === 0);
  });
});
