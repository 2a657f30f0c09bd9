import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { FoldedStack } from "../support/folded.js";
import { cannotRecord, recordWhile } from "../support/record.js";
import { runWorkloads } from "../support/run-workload.js";
import { judge } from "../support/verdict.js";
import { buildWorkload, missingTool } from "../support/workload.js";
import { WORKLOADS } from "../workloads/catalogue.js";

const CPU_MS = 3000;
const workload = WORKLOADS.find(({ name }) => name === "vdso")!;

/** Where user code of a stack ends: behind it may be an interrupt. */
function userLeaf({ frames }: FoldedStack): string {
  return frames.findLast((frame) => !frame.endsWith("_[k]")) ?? "";
}

function samplesOf(stacks: readonly FoldedStack[]): number {
  return stacks.reduce((sum, { count }) => sum + count, 0);
}

describe("a program that asks for the time", { skip: cannotRecord() ?? missingTool(workload) }, () => {
  it("has whole stacks in which each function of the vDSO has its name, and no other's", async (context) => {
    const built = buildWorkload(workload);
    let truths: Awaited<ReturnType<typeof runWorkloads>> | undefined;
    const { stacks, periodNs } = await recordWhile({ args: ["--comm", workload.name] }, async () => {
      truths = await runWorkloads([built], CPU_MS, [0]);
    });
    const verdict = judge(built, stacks, truths!.get(workload.name)!, periodNs);
    assert.ok(verdict.kept > 500, `${verdict.kept} samples`);
    assert.ok(verdict.whole >= 0.99 * verdict.samples, `${verdict.whole} of ${verdict.samples} whole`);

    const reading = stacks.filter(({ frames }) => frames.includes("read_clock"));
    const leaves = new Map<string, number>();
    for (const stack of reading) {
      const leaf = userLeaf(stack);
      leaves.set(leaf, (leaves.get(leaf) ?? 0) + stack.count);
    }
    const text = [...leaves].map(([leaf, count]) => `${count} ${leaf}`).join(", ");
    context.diagnostic(text);
    // The kernel's name, below libc's function of the other.
    const inside = reading.filter((stack) => /^__(vdso|kernel)_clock_gettime$/.test(userLeaf(stack)));
    const below = inside.filter(({ frames }) => {
      const at = frames.findLastIndex((frame) => !frame.endsWith("_[k]"));
      return /clock_gettime$|^libc\.so/.test(frames[at - 1]) && frames[at - 1] !== frames[at];
    });
    assert.ok(samplesOf(inside) > samplesOf(reading) / 2, text);
    assert.ok(samplesOf(below) >= 0.99 * samplesOf(inside), text);
    const named = reading.filter((stack) => !/^\[(vdso|anon)\]|\+0x/.test(userLeaf(stack)));
    assert.ok(samplesOf(named) >= 0.99 * samplesOf(reading), text);
  });
});
