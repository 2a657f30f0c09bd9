import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import { setTimeout as sleep } from "node:timers/promises";
import { Profile } from "pprof-format";
import { hostCgroupHierarchy } from "#src/host/cgroup-hierarchy.js";
import { EXIT } from "#src/model/exit-codes.js";
import { countOf, RunningAgent } from "../support/agent.js";
import { cannotMakeCgroups } from "../support/cgroups.js";
import { ConfigMap } from "../support/config-map.js";
import { CountingIntake } from "../support/counting-intake.js";
import { cannotRecord } from "../support/record.js";
import { TwoPods } from "../support/two-pods.js";
import { until } from "../support/until.js";

/** Wall clock and monotonic clock are read one after the other, in milliseconds and in nanoseconds. */
const GAP_NS = 5_000_000n;
const RELOAD_MS = 30_000;

/** What the profiles of one window say. */
interface FiledWindow {
  readonly startNs: bigint;
  readonly durationNs: bigint;
  readonly periods: Set<bigint>;
  readonly tags: Set<string>;
  readonly pods: Map<string, number>;
}

/** All windows of the agent's folder, the oldest first. */
function windowsOf(agent: RunningAgent): readonly FiledWindow[] {
  const windows = new Map<bigint, FiledWindow>();
  for (const file of agent.files()) {
    const { timeNanos, durationNanos, period } = Profile.decode(gunzipSync(agent.bytes(file)));
    const startNs = BigInt(timeNanos);
    const window = windows.get(startNs) ?? {
      ...{ startNs, durationNs: BigInt(durationNanos) },
      ...{ periods: new Set<bigint>(), tags: new Set<string>(), pods: new Map<string, number>() },
    };
    windows.set(startNs, window);
    window.periods.add(BigInt(period));
    for (const { labels, count } of agent.samples([file])) {
      window.tags.add(labels["phase"] ?? "none");
      const pod = labels["pod"] ?? "";
      window.pods.set(pod, (window.pods.get(pod) ?? 0) + count);
    }
  }
  return [...windows.values()].toSorted((a, b) => Number(a.startNs - b.startNs));
}

const hierarchy = hostCgroupHierarchy();

describe(
  "a configuration that changes while pods run",
  { skip: cannotRecord() ?? (cannotMakeCgroups(hierarchy) || undefined) },
  () => {
    const folder = mkdtempSync(join(tmpdir(), "hostflame-reload-"));
    let agent: RunningAgent;
    let pods: TwoPods;
    let map: ConfigMap;
    let removed: CountingIntake;
    let kept: CountingIntake;
    let added: CountingIntake;

    const text = (lines: readonly string[]): string =>
      ["window: 1s", `spool-dir: ${join(folder, "spool")}`, ...lines, ""].join("\n");
    const exporter = (name: string, { url }: CountingIntake): string =>
      `  - {url: "${url}", kind: datadog, name: ${name}}`;
    const results = (event: string): number => agent.lines.filter((line) => line.event === event).length;
    /** Changes the file, and waits until the agent has read it. */
    const change = async (lines: readonly string[], event = "reloaded"): Promise<void> => {
      const before = results(event);
      map.change(text(lines));
      await until(() => results(event) > before, RELOAD_MS);
    };
    const exporters = (): readonly string[] => ["exporters:", exporter("kept", kept), exporter("added", added)];

    before(async () => {
      pods = await TwoPods.start(hierarchy);
      [removed, kept, added] = [
        await CountingIntake.start(),
        await CountingIntake.start(),
        await CountingIntake.start(),
      ];
      const first = [
        "tags: phase:one",
        "frequency: 99",
        "exporters:",
        exporter("removed", removed),
        exporter("kept", kept),
      ];
      map = new ConfigMap(join(folder, "config"), text(first));
      const options = ["--config", map.path, "--node", "node-0", "--runtime-socket", pods.socket];
      agent = new RunningAgent(options, await pods.environment());
      await agent.until("sampling");
      // Stacks wait for the tables of the files they were sampled in, on a busy machine for more than one window.
      await until(
        () => new Set(windowsOf(agent).flatMap(({ pods: those }) => [...those.keys()])).size === 3,
        RELOAD_MS,
      );
    });

    after(async () => {
      await agent.dispose();
      await pods.stop();
      for (const intake of [removed, kept, added]) intake.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    it("has other tags, rate, filters and exporters after a swap of the mounted folder", async () => {
      await change(["tags: phase:two", "frequency: 199", "exclude-namespace: jobs", "host: off", ...exporters()]);
      assert.deepEqual((agent.find("reloaded")?.["changed"] as string[]).toSorted(), [
        ...["--exclude-namespace", "--exporter", "--frequency", "--host", "--tags"],
      ]);
      await agent.windows(4);
      const windows = windowsOf(agent);
      const last = windows.at(-1)!;
      assert.deepEqual([...last.tags], ["two"]);
      assert.deepEqual([...last.periods], [BigInt(Math.round(1e9 / 199))]);
      assert.deepEqual([...last.pods.keys()], ["shop-5d4c-x1"], "neither the other namespace nor the host");
      const earlier = new Set(
        windows.filter(({ tags }) => tags.has("one")).flatMap(({ pods: those }) => [...those.keys()]),
      );
      assert.deepEqual([...earlier].toSorted(), ["", "nightly", "shop-5d4c-x1"]);
      assert.equal(await agent.metric("hostflame_sampling_frequency_hertz"), 199);
      assert.ok((await agent.metric("hostflame_bpf_refused_ticks_total")) > 0, "what is excluded is not unwound");
      await until(() => added.windows.length >= 2);
      await until(() => results("exporter_closed") === 1);
      assert.deepEqual(agent.find("exporter_closed")?.["waiting"], 0);
      const { text: ready } = await agent.get("/readyz");
      assert.match(ready, /"intake added"/);
      assert.doesNotMatch(ready, /"intake removed"/);
    });

    it("stays as it is when the file is wrong: all that is wrong is said once, and in /readyz", async () => {
      await change(["tags: pod:mine", "frequency: 5000", "mode: some"], "reload_refused");
      const { problems, level } = agent.find("reload_refused")!;
      assert.equal(level, "error");
      assert.equal((problems as string[]).length, 3, String(problems));
      assert.match(String(problems), /tags.*pod.*frequency.*5000.*|frequency.*5000.*tags.*pod/s);
      const { status, text: ready } = await agent.get("/readyz");
      assert.equal(status, 200);
      assert.match(
        ready,
        /"configuration: the configuration as it was read at .* is refused, and the one before goes on: /,
      );
      assert.equal(await agent.metric("hostflame_reloads_total", 'result="refused"'), 1);
      const [before, opened] = [
        await agent.metric("hostflame_reloads_last_success_timestamp_seconds"),
        results("sending"),
      ];
      await agent.windows(2);
      assert.deepEqual([...windowsOf(agent).at(-1)!.tags], ["two"]);
      assert.equal(results("sending"), opened);
      assert.ok(before < Date.now() / 1000);
    });

    it("turns opt-in, and back, in the kernel", async () => {
      await change(["tags: phase:three", "frequency: 199", "mode: opt-in", "unwind-memory: 32MiB", ...exporters()]);
      assert.equal((await agent.get("/readyz")).text.includes("is refused, and the one before"), false);
      assert.deepEqual(agent.find("reload_needs_restart")?.["options"], ["--unwind-memory"]);
      await agent.windows(2);
      const samples = await agent.metric("hostflame_bpf_samples_total");
      const refused = await agent.metric("hostflame_bpf_refused_ticks_total");
      await agent.windows(2);
      assert.ok((await agent.metric("hostflame_bpf_refused_ticks_total")) > refused + 50);
      assert.equal(await agent.metric("hostflame_bpf_samples_total"), samples, "nobody has opted in");
      await change(["tags: phase:four", "frequency: 49", "log-level: debug", ...exporters()]);
      await agent.windows(4);
      const later = windowsOf(agent).filter(({ tags }) => tags.has("four"));
      const found = new Set(later.flatMap(({ pods: those }) => [...those.keys()]));
      assert.deepEqual([...found].toSorted(), ["", "nightly", "shop-5d4c-x1"]);
    });

    it("has lost no window and no sample by all that, and none has two sets of tags", async () => {
      const { code } = await agent.stop();
      assert.equal(code, EXIT.ok, agent.errors);
      const windows = windowsOf(agent);
      const tags = windows.map((window) => [...window.tags].join(" "));
      for (const window of windows) {
        assert.equal(window.tags.size, 1, [...window.tags].join(" "));
        assert.equal(window.periods.size, 1);
      }
      assert.deepEqual([...new Set(tags)], ["one", "two", "four"], "three had no samples at all");
      assert.equal(
        agent.lines.filter(({ event }) => event === "window_dropped" || event === "window_failed").length,
        0,
      );
      let before: FiledWindow | undefined;
      const gaps: bigint[] = [];
      for (const window of windows) {
        const gapNs = before === undefined ? 0n : window.startNs - before.startNs - before.durationNs;
        if (gapNs > GAP_NS || gapNs < -GAP_NS) gaps.push(gapNs / 1_000_000n);
        before = window;
      }
      // A window in which nothing was wanted, or nothing ran, has no profile.
      const written = agent.lines
        .filter(({ event }) => event === "window_written")
        .map(({ profiles }) => profiles !== 0);
      const empty =
        written
          .map((full) => (full ? "x" : "."))
          .join("")
          .replace(/^\.+|\.+$/g, "")
          .match(/\.+/g) ?? [];
      assert.equal(gaps.length, empty.length, `${gaps.join(", ")} ms, and empty windows: ${empty.join(", ")}`);

      const account = agent.find("account")!;
      const refused = Object.values(account["refused"] as Record<string, number>).reduce(
        (sum, count) => sum + count,
        0,
      );
      const lost = ["ringFull", "malformed", "windowsFailed", "windowsDropped"].map((name) => Number(account[name]));
      const inProfiles = countOf(agent.samples());
      assert.equal(inProfiles, account["inProfiles"]);
      assert.equal(
        account["samples"],
        lost.reduce((sum, count) => sum + count, inProfiles + refused),
        JSON.stringify(account),
      );
      assert.ok(refused > 0, "what was sampled of the excluded before they were");

      // Each exporter got each window that had profiles while it was wanted, once for each profile.
      const times = windows.map(({ startNs }) => new Date(Number(startNs / 1_000_000n)).toISOString());
      const found = (intake: CountingIntake): readonly string[] =>
        times.map((_, row) => (hasStart(intake, times[row]) ? "x" : "."));
      assert.match(found(kept).join(""), /^x+$/);
      assert.match(found(removed).join(""), /^x+\.+$/);
      assert.match(found(added).join(""), /^\.+x+$/);
      assert.equal(found(removed).lastIndexOf("x") + 1, found(added).indexOf("x"), "no window fell between the two");
    });
  },
);

/** Intakes write times to the second, the millisecond or the nanosecond. */
function hasStart({ windows }: CountingIntake, iso: string): boolean {
  return windows.some((start) => Math.abs(Date.parse(start) - Date.parse(iso)) < 2);
}

describe("SIGHUP to an agent", { skip: cannotRecord() }, () => {
  it("never ends it, whenever it comes, and has it read its configuration", async () => {
    const agent = new RunningAgent(["--window", "1s", "--profiles", "host", "--frequency", "99"]);
    try {
      for (const event of ["starting", "listening", "sampling"]) {
        await agent.until(event);
        agent.signal("SIGHUP");
      }
      await until(() => agent.find("reloaded") !== undefined);
      for (let times = 0; times < 10; times++) {
        agent.signal("SIGHUP");
        await sleep(100);
      }
      await agent.windows(2);
      const reloads = agent.lines.filter(({ event }) => event === "reloaded").length;
      assert.ok(reloads >= 2 && reloads <= 13, String(reloads));
      assert.equal(await agent.metric("hostflame_reloads_total"), reloads);
      assert.equal(await agent.metric("hostflame_reloads_total", 'result="unchanged"'), reloads);
      const stopped = agent.stop();
      // Up to the last moment, in which Node.js takes itself down.
      let hasStopped = false;
      void stopped.then(() => (hasStopped = true));
      while (!hasStopped) {
        agent.signal("SIGHUP");
        await sleep(1);
      }
      assert.equal((await stopped).code, EXIT.ok, agent.errors);
      assert.equal(agent.lines.at(-1)?.event, "stopped");
      const account = agent.find("account")!;
      assert.equal(countOf(agent.samples()), account["inProfiles"]);
    } finally {
      await agent.dispose();
    }
  });
});
