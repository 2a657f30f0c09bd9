import assert from "node:assert/strict";
import { cpus } from "node:os";
import { before, describe, it, type TestContext } from "node:test";
import { cannotRecord, recordWhile, type Recording } from "../support/record.js";
import { runWorkloads, type Truth } from "../support/run-workload.js";
import { judge, shortcomings } from "../support/verdict.js";
import { buildWorkload, missingTool, type BuiltWorkload } from "../support/workload.js";
import { CATALOGUE, WORKLOADS } from "../workloads/catalogue.js";

/** CPU time of each workload: 4,000 samples, of which chance has a standard deviation of 0.8 points in a split at most. */
const BUDGET_MS = 4000;

/**
 * One recording of the whole machine, during which every workload runs for its budget, one at a time on each CPU. What
 * came out is held against what each workload measured of itself.
 */
describe("stacks of programs that were built without frame pointers", () => {
  const reason = cannotRecord();
  const built = new Map<string, BuiltWorkload>();
  let truths = new Map<string, Truth>();
  let recording: Recording | undefined;

  before(async () => {
    if (reason !== undefined) return;
    for (const workload of WORKLOADS) {
      if (missingTool(workload) === undefined) built.set(workload.name, buildWorkload(workload));
    }
    recording = await recordWhile({ frequency: 999 }, async () => {
      truths = await runWorkloads([...built.values()], BUDGET_MS, [...cpus().keys()]);
    });
  });

  for (const [about, workloads] of Object.entries(CATALOGUE)) {
    describe(about, () => {
      for (const workload of workloads) {
        it(workload.name, (context: TestContext) => {
          const skipped = reason ?? missingTool(workload);
          if (skipped !== undefined) {
            context.skip(skipped);
            return;
          }
          const one = built.get(workload.name)!;
          const { stacks, periodNs } = recording!;
          const verdict = judge(one, stacks, truths.get(workload.name)!, periodNs);
          const complaints = shortcomings(verdict, workload.notWhole);
          assert.deepEqual(complaints, []);
        });
      }
    });
  }

  it("keeps as many samples as CPU time says there are", (context: TestContext) => {
    if (reason !== undefined) {
      context.skip(reason);
      return;
    }
    const { stacks, periodNs } = recording!;
    const verdicts = [...built.values()].map((one) => judge(one, stacks, truths.get(one.workload.name)!, periodNs));
    const kept = verdicts.reduce((sum, verdict) => sum + verdict.kept, 0);
    const expected = verdicts.reduce((sum, verdict) => sum + verdict.expected, 0);
    context.diagnostic(
      `${kept} samples kept of ${expected.toFixed(0)} expected: ${((100 * kept) / expected).toFixed(2)} %`,
    );
    assert.ok(kept >= 0.99 * expected, `${kept} of ${expected.toFixed(0)}`);
  });

  it("loses no sample and accounts for each", (context: TestContext) => {
    if (reason !== undefined) {
      context.skip(reason);
      return;
    }
    const { summary } = recording!;
    context.diagnostic(JSON.stringify(summary.outcomes));
    const outcomes = Object.values(summary.outcomes).reduce((sum, count) => sum + count, 0);
    assert.ok(summary.lost <= summary.samples / 1000, `${summary.lost} of ${summary.samples} were lost`);
    assert.equal(outcomes, summary.samples, "every sample has one outcome");
  });
});
