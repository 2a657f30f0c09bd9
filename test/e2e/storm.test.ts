import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cannotRecord, recordWhile } from "../support/record.js";
import { buildStorm, describeStorm, judgeStorm, runStorm, type StormTruth } from "../support/storm.js";

const SECONDS = 10;
const PROCESSES_PER_SECOND = 50;
const FREQUENCY_HZ = 999;

describe("short-lived processes", () => {
  it("are captured with whole, named stacks: 50 fork and exec a second, 5 to 20 ms each", async (context) => {
    const reason = cannotRecord();
    if (reason !== undefined) {
      context.skip(reason);
      return;
    }
    buildStorm();
    let truth: StormTruth | undefined;
    const recording = await recordWhile({ frequency: FREQUENCY_HZ }, async () => {
      truth = await runStorm(SECONDS, PROCESSES_PER_SECOND);
    });
    const verdict = judgeStorm(truth!, recording.stacks, recording.periodNs);
    const figures = describeStorm(truth!, verdict);
    context.diagnostic(figures);
    assert.ok(verdict.capturedNs >= 0.95 * verdict.usedNs, `${figures}\n${verdict.wrong.slice(0, 10).join("\n")}`);
    assert.ok(verdict.inMainNs >= 0.8 * verdict.usedNs, figures);
  });
});
