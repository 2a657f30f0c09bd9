import assert from "node:assert/strict";
import { cpus } from "node:os";
import { describe, it, type TestContext } from "node:test";
import type { FoldedStack } from "../support/folded.js";
import { cannotRecord, recordWhile, type Recording } from "../support/record.js";
import { runWorkloads } from "../support/run-workload.js";
import { buildWorkload, missingTool } from "../support/workload.js";
import { WORKLOADS } from "../workloads/catalogue.js";

/** The program is over before, or soon after, its rows are there: most of what is seen of it is finished from copies. */
const BUDGET_MS = 300;

describe("stacks that are finished from a copy", () => {
  it("go on from the thread's stack to the goroutine's, where Go called C", async (context) => {
    const recording = await recordBriefly("cgo", context);
    if (recording === undefined) return;
    const inC = recording.stacks.filter(({ frames }) => frames.includes("c_leaf"));
    const cut = inC.filter(({ frames }) => !frames.includes("main.main"));
    assert.ok(count(inC) > 50, `only ${count(inC)} samples in C`);
    assert.ok(
      count(cut) <= count(inC) / 50,
      `${count(cut)} of ${count(inC)}: ${cut.map(({ frames }) => frames.join(";")).join("\n")}`,
    );
  });

  it("reach the root of a stack below which nothing was ever touched", async (context) => {
    const recording = await recordBriefly("coroutine", context);
    if (recording === undefined) return;
    const { stacks, summary } = recording;
    const inCoroutine = stacks.filter(({ frames }) => frames.includes("coroutine_leaf"));
    const cut = inCoroutine.filter(({ frames }) => !frames.includes("coroutine_enter"));
    assert.ok(Number(summary.firstSights) >= 5, `only ${String(summary.firstSights)} samples with a copy`);
    assert.ok(count(inCoroutine) > 50, `only ${count(inCoroutine)} samples in the coroutine`);
    assert.equal(count(cut), 0, cut.map(({ frames }) => frames.join(";")).join("\n"));
  });
});

/** What a recording has of a workload that it has not met before; undefined, and the test skipped, where that cannot be. */
async function recordBriefly(name: string, context: TestContext): Promise<Recording | undefined> {
  const workload = WORKLOADS.find((candidate) => candidate.name === name)!;
  const reason = cannotRecord() ?? missingTool(workload);
  if (reason !== undefined) {
    context.skip(reason);
    return undefined;
  }
  const built = buildWorkload(workload);
  return recordWhile({ frequency: 999, args: ["--comm", name] }, async () => {
    await runWorkloads([built], BUDGET_MS, [...cpus().keys()].slice(0, 1));
  });
}

function count(stacks: readonly FoldedStack[]): number {
  return stacks.reduce((sum, stack) => sum + stack.count, 0);
}
