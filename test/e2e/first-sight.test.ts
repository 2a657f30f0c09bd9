import assert from "node:assert/strict";
import { cpus } from "node:os";
import { describe, it } from "node:test";
import { cannotRecord, recordWhile } from "../support/record.js";
import { runWorkloads } from "../support/run-workload.js";
import { buildWorkload, missingTool } from "../support/workload.js";
import { WORKLOADS } from "../workloads/catalogue.js";

/** The program is over before, or soon after, its rows are there: most of what is seen of it is finished from copies. */
const BUDGET_MS = 300;

describe("stacks that are finished from a copy", () => {
  const workload = WORKLOADS.find(({ name }) => name === "cgo")!;

  it("go on from the thread's stack to the goroutine's, where Go called C", async (context) => {
    const reason = cannotRecord() ?? missingTool(workload);
    if (reason !== undefined) {
      context.skip(reason);
      return;
    }
    const built = buildWorkload(workload);
    const { stacks } = await recordWhile({ frequency: 999, args: ["--comm", "cgo"] }, async () => {
      await runWorkloads([built], BUDGET_MS, [...cpus().keys()].slice(0, 1));
    });
    const inC = stacks.filter(({ frames }) => frames.includes("c_leaf"));
    const count = (some: typeof inC): number => some.reduce((sum, stack) => sum + stack.count, 0);
    const cut = inC.filter(({ frames }) => !frames.includes("main.main"));
    assert.ok(count(inC) > 50, `only ${count(inC)} samples in C`);
    assert.ok(
      count(cut) <= count(inC) / 50,
      `${count(cut)} of ${count(inC)}: ${cut.map(({ frames }) => frames.join(";")).join("\n")}`,
    );
  });
});
