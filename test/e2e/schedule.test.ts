import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { Profile } from "pprof-format";
import { countOf, RunningAgent } from "../support/agent.js";
import { until } from "../support/until.js";

const RUN_S = 9;
const FREQUENCY_HZ = 49;
/** Its clock is 8:45 ahead, all the year: whoever takes UTC for local time is found out. */
const TZ = "Australia/Eucla";
const AHEAD_MS = (8 * 60 + 45) * 60_000;
const REST_LOOK_MS = 5000;
/** Of one core. One timer a second and one in ten do not come near it. */
const REST_CPU = 0.01;

const needsRoot = process.getuid?.() === 0 ? false : "sampling needs root";

describe("an agent with a schedule", { skip: needsRoot }, () => {
  // Time to start in, whatever else runs.
  const beginMs = Math.ceil((Date.now() + 20_000) / 60_000) * 60_000;
  const local = new Date(beginMs + AHEAD_MS);
  const schedule = `${local.getUTCMinutes()} ${local.getUTCHours()} * * *`;
  const busy = spawn("timeout", ["150", "sh", "-c", "while :; do :; done"], { stdio: "ignore" });
  let agent: RunningAgent;

  before(async () => {
    agent = new RunningAgent(["--frequency", String(FREQUENCY_HZ), "--window", "60s", "--kubernetes", "off"], {
      TZ,
      HOSTFLAME_SCHEDULE: schedule,
      HOSTFLAME_DURATION: `${RUN_S}s`,
    });
    assert.ok(await agent.until("sampling"), agent.errors);
  });

  after(async () => {
    busy.kill();
    await agent.dispose();
  });

  async function metrics(): Promise<readonly number[]> {
    return [
      await agent.metric("hostflame_sampling_open"),
      await agent.metric("hostflame_sampling_frequency_hertz"),
      await agent.metric("hostflame_sampling_next_change_timestamp_seconds"),
    ];
  }

  it("rests until its time has come, ready, and says until when", async (t) => {
    assert.equal(agent.find("scheduled")?.["timeZone"], TZ);
    assert.deepEqual(await metrics(), [0, 0, beginMs / 1000]);
    const { status, text } = await agent.get("/readyz");
    assert.equal(status, 200);
    const { parts } = JSON.parse(text) as { parts: Record<string, { detail: string }> };
    assert.equal(parts["schedule"].detail, `resting until ${new Date(beginMs).toISOString()}.`);
    assert.equal(parts["bpf"].detail, "resting.");
    if (beginMs - Date.now() < REST_LOOK_MS + 2000) return t.diagnostic("no time left to look at the rest");
    const used = await restCpu();
    t.diagnostic(`at rest ${(100 * used).toFixed(2)} % of a core`);
    assert.ok(used <= REST_CPU, `${100 * used} %`);
    assert.equal(await agent.metric("hostflame_bpf_ticks_total"), 0);
  });

  it("samples one window as long as it shall, and rests again", async () => {
    await until(() => agent.lines.some(({ event }) => event === "schedule_open"), 90_000);
    assert.deepEqual(await metrics(), [1, FREQUENCY_HZ, beginMs / 1000 + RUN_S]);
    await until(() => agent.lines.some(({ event }) => event === "window_written"), 60_000);
    const windows = agent.lines.filter(({ event }) => event === "window_written");
    assert.deepEqual(
      windows.map(({ end }) => end),
      ["schedule"],
    );
    assert.deepEqual(await metrics(), [0, 0, beginMs / 1000 + 24 * 3600]);
    const profile = Profile.decode(gunzipSync(agent.bytes(agent.files()[0])));
    assert.equal(Number(profile.period), Math.round(1e9 / FREQUENCY_HZ));
    assert.ok(Math.abs(Number(profile.timeNanos) / 1e6 - beginMs) < 5000);
    assert.ok(Math.abs(Number(profile.durationNanos) / 1e9 - RUN_S) < 5);
    assert.ok(countOf(agent.samples()) > 100);
  });

  it("has no tick at rest, and what it sampled is all accounted for", async () => {
    const ticks = await agent.metric("hostflame_bpf_ticks_total");
    assert.ok(ticks > 100);
    const files = agent.files();
    await sleep(2000);
    assert.equal(await agent.metric("hostflame_bpf_ticks_total"), ticks);
    const { code, ms } = await agent.stop();
    assert.equal(code, 0);
    assert.ok(ms < 10_000);
    assert.deepEqual(agent.files(), files, "no window of a rest");
    const account = agent.find("account");
    assert.equal(account?.["samples"], account?.["inProfiles"]);
    assert.equal(countOf(agent.samples()), account?.["samples"]);
  });

  /** CPU time of all its threads, a share of one core, while nobody asks it anything. */
  async function restCpu(): Promise<number> {
    const start = performance.now();
    const usedMs = cpuMs(agent.pid);
    await sleep(REST_LOOK_MS);
    return (cpuMs(agent.pid) - usedMs) / (performance.now() - start);
  }
});

/** By the scheduler's own count, nanoseconds: ticks of 10 ms are too coarse for it. */
function cpuMs(pid: number): number {
  return readdirSync(`/proc/${pid}/task`)
    .map((tid) => Number(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, "latin1").split(" ")[0]))
    .reduce((sum, ns) => sum + ns / 1e6, 0);
}
