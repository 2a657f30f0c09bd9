import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { memoryUseOf } from "#src/host/cgroup-limits.js";
import { hostCgroupHierarchy } from "#src/host/cgroup-hierarchy.js";
import { EXIT } from "#src/model/exit-codes.js";
import { RunningAgent, type AgentLine } from "../support/agent.js";
import { cannotMakeCgroups, mountOf, TestCgroup } from "../support/cgroups.js";
import { checkValid } from "../support/check-valid.js";
import { cannotRecord, readUsage } from "../support/record.js";
import { ScatterLoad } from "../support/scatter-load.js";
import { until } from "../support/until.js";

const MIB = 1 << 20;
/** What a cgroup's limit leaves: its margin, and the room that is kept free. */
const MARGIN_BYTES = 8 * MIB;
const HEADROOM_BYTES = 12 * MIB;
/** So much more than without a load may be taken before anything is shed; this load takes 65 to 80 MiB more where nothing limits it. */
const ROOM_BYTES = 40 * MIB;
const WINDOW_MS = 5000;
const OPTIONS = ["--window", `${WINDOW_MS}ms`, "--frequency", "499", "--host", "off"];
const MEMORY_STEPS = ["caches", "symbols", "tables", "rate"];
const CPU_STEPS = ["conversions", "symbols", "rate"];

const reason = cannotRecord() ?? (cannotMakeCgroups(hostCgroupHierarchy()) || undefined);

interface Ready {
  readonly parts: Readonly<Record<string, { readonly state: string; readonly detail: string }>>;
}

/** Where a memory limit can be set: v1's hierarchy, or v2's with the controller handed down. */
function memoryHierarchy(): "memory" | "v2" | undefined {
  if (cannotMakeCgroups("memory") === false) return "memory";
  if (cannotMakeCgroups("v2") !== false) return undefined;
  const controllers = readFileSync(join(mountOf("v2")!, "cgroup.subtree_control"), "latin1");
  return controllers.split(/\s/).includes("memory") ? "v2" : undefined;
}

/**
 * What an agent holds in this cgroup that has nothing to sample: it depends on the machine, and on who was charged for Node.js. Windows
 * have ended, for then it lets go of what it needed to start.
 */
async function idleBytes(hierarchy: "memory" | "v2", { directory }: TestCgroup): Promise<number> {
  const agent = new RunningAgent(OPTIONS, {}, { cgroup: directory });
  try {
    await agent.until("sampling");
    await sleep(2.5 * WINDOW_MS);
    const use = memoryUseOf({ version: hierarchy === "v2" ? 2 : 1, directory, above: [] });
    await agent.stop();
    return use ?? 0;
  } finally {
    await agent.dispose();
  }
}

function changes(agent: RunningAgent, resource: string, event: string): readonly AgentLine[] {
  return agent.lines.filter((line) => line.event === event && line["resource"] === resource);
}

async function budgetPart(agent: RunningAgent): Promise<Ready["parts"][string]> {
  const { parts } = JSON.parse((await agent.get("/readyz")).text) as Ready;
  return parts["budget"];
}

/** The order in which steps were first shed. */
function firstSheds(agent: RunningAgent, resource: string): readonly unknown[] {
  return [...new Set(changes(agent, resource, "budget_shed").map(({ step }) => step))];
}

function isPrefix(order: readonly unknown[], of: readonly string[]): boolean {
  return order.every((step, at) => step === of[at]);
}

describe("an agent near the memory limit of its cgroup", { skip: reason }, () => {
  it("sheds in order, lives, says so, and recovers when the load goes", async (context) => {
    const hierarchy = memoryHierarchy();
    if (hierarchy === undefined) {
      context.skip("no cgroup's memory can be limited here");
      return;
    }
    const cgroup = new TestCgroup(hierarchy, "limited");
    const limitFile = hierarchy === "v2" ? "memory.max" : "memory.limit_in_bytes";
    const idle = await idleBytes(hierarchy, cgroup).catch(async (error: unknown) => {
      await cgroup.remove();
      throw error;
    });
    const limit = Math.ceil((idle + MARGIN_BYTES + HEADROOM_BYTES + ROOM_BYTES) / MIB) * MIB;
    writeFileSync(join(cgroup.directory, limitFile), String(limit));
    const agent = new RunningAgent(OPTIONS, {}, { cgroup: cgroup.directory });
    const load = new ScatterLoad();
    try {
      await agent.until("sampling");
      assert.equal(agent.find("budget")?.["memoryLimitBytes"], limit - MARGIN_BYTES, JSON.stringify(agent.lines));
      await until(() => changes(agent, "memory", "budget_shed").length > 0, 180_000);
      await until(async () => (await budgetPart(agent)).state === "degraded");
      assert.match((await budgetPart(agent)).detail, /; shed: caches.* Raise the limit, or lower --frequency\.$/);
      assert.ok((await agent.metric("hostflame_budget_level", 'resource="memory"')) > 0);
      await sleep(15_000);
      await load.stop();
      const isOver = () =>
        changes(agent, "memory", "budget_recovered").length === changes(agent, "memory", "budget_shed").length;
      await until(isOver, 240_000);
      await until(async () => (await agent.metric("hostflame_budget_level", 'resource="memory"')) === 0);
      assert.equal((await budgetPart(agent)).state, "ok");
      assert.ok(isPrefix(firstSheds(agent, "memory"), MEMORY_STEPS), String(firstSheds(agent, "memory")));
      assert.ok((await agent.metric("hostflame_budget_shed_samples_total", 'resource="memory"')) > 0);
      assert.equal(changes(agent, "memory", "budget_recovered").length, changes(agent, "memory", "budget_shed").length);
      for (const file of agent.files().slice(-40)) checkValid(agent.bytes(file));
      const { code } = await agent.stop();
      assert.equal(code, EXIT.ok, agent.errors);
      context.diagnostic(
        `${idle / MIB} MiB idle, ${limit / MIB} allowed; ${load.programs} programs; shed ${firstSheds(agent, "memory").join(", ")}`,
      );
    } finally {
      await load.stop();
      await agent.dispose();
      await cgroup.remove();
    }
  });
});

describe("an agent that may take one per cent of a core", { skip: reason }, () => {
  const LIMIT = 0.01;
  /** The start's conversions are paid for by then, and the rate has come down. */
  const SETTLED_MS = 45_000;
  const MEASURED_MS = 30_000;

  it("has its rate down until it does, and up again when there is nothing to sample", async (context) => {
    const agent = new RunningAgent(["--window", "10s", "--frequency", "999", "--host", "off", "--cpu-limit", "1%"]);
    const load = new ScatterLoad();
    try {
      await agent.until("sampling");
      const lowest = () => changes(agent, "cpu", "budget_shed").length;
      await until(() => lowest() > 3, 90_000);
      await sleep(SETTLED_MS);
      const before = await usedSeconds(agent);
      await sleep(MEASURED_MS);
      const cores = ((await usedSeconds(agent)) - before) / (MEASURED_MS / 1000);
      const frequencyHz = await agent.metric("hostflame_sampling_frequency_hertz");
      context.diagnostic(`${(cores * 100).toFixed(2)} % of a core at ${frequencyHz} Hz`);
      assert.ok(cores <= LIMIT * 1.5, `${cores} cores at ${frequencyHz} Hz`);
      assert.ok(frequencyHz < 999);
      assert.ok(isPrefix(firstSheds(agent, "cpu"), CPU_STEPS), String(firstSheds(agent, "cpu")));
      await load.stop();
      // Told by the log: whoever asks for metrics a hundred times a second keeps an agent from recovering.
      await until(() => changes(agent, "cpu", "budget_recovered").length > 0, 240_000);
      await until(async () => (await agent.metric("hostflame_sampling_frequency_hertz")) > frequencyHz);
    } finally {
      await load.stop();
      await agent.dispose();
    }
  });
});

/** CPU time of the agent's process and of BPF for it. */
async function usedSeconds(agent: RunningAgent): Promise<number> {
  const { userSeconds, systemSeconds } = readUsage(agent.pid);
  const ticks = await agent.metric("hostflame_bpf_ticks_total");
  return userSeconds + systemSeconds + ticks * (await agent.metric("hostflame_bpf_run_seconds"));
}
