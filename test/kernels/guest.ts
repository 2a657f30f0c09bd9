/**
 * Runs under another kernel: records workloads there, judges the recording, prints the verdicts as one line of JSON.
 * The workloads were built outside; the guest sees this machine's files.
 */
import { judge } from "../support/verdict.js";
import { recordWhile } from "../support/record.js";
import { runWorkloads } from "../support/run-workload.js";
import { buildWorkload } from "../support/workload.js";
import { CPU_MS, guestWorkloads } from "./guest-workloads.js";

/** An emulated CPU is slow: at 999 Hz sampling would be most of what it does. */
const FREQUENCY_HZ = 199;

const built = guestWorkloads.map(buildWorkload);
let truths: Awaited<ReturnType<typeof runWorkloads>> | undefined;
const recording = await recordWhile({ frequency: FREQUENCY_HZ }, async () => {
  truths = await runWorkloads(built, CPU_MS, [0, 1]);
});
const verdicts = built.map((one) => {
  const truth = truths?.get(one.workload.name);
  if (truth === undefined) throw new Error(`${one.workload.name} did not run`);
  return judge(one, recording.stacks, truth, recording.periodNs);
});
console.log(JSON.stringify({ summary: recording.summary, verdicts }));
