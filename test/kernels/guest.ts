/**
 * Runs under another kernel: asks hostflame check, records workloads, judges the recording, and prints it all as one line
 * of JSON. The workloads were built outside; the guest sees this machine's files.
 */
import { spawnSync } from "node:child_process";
import { judge } from "../support/verdict.js";
import { recordWhile } from "../support/record.js";
import { runWorkloads } from "../support/run-workload.js";
import { buildWorkload } from "../support/workload.js";
import { CPU_MS, guestWorkloads } from "./guest-workloads.js";

/** An emulated CPU is slow: at 999 Hz sampling would be most of what it does. */
const FREQUENCY_HZ = 199;
/** One after the other on the second CPU; the first is left to record. */
const CPUS = [1];
/** Nor is it asked to convert the unwind information of node, which takes it longer than the workloads run. */
const COMMS = guestWorkloads.flatMap(({ name, comms }) => comms ?? [name]);

const built = guestWorkloads.map(buildWorkload);
let truths: Awaited<ReturnType<typeof runWorkloads>> | undefined;
const recording = await recordWhile({ frequency: FREQUENCY_HZ, args: ["--comm", ...COMMS] }, async () => {
  truths = await runWorkloads(built, CPU_MS, CPUS);
});
const verdicts = built.map((one) => {
  const truth = truths?.get(one.workload.name);
  if (truth === undefined) throw new Error(`${one.workload.name} did not run`);
  return judge(one, recording.stacks, truth, recording.periodNs);
});
const check = spawnSync(process.execPath, ["dist/main.js", "check", "--json"], { encoding: "utf8" });
const { findings } = JSON.parse(check.stdout) as { readonly findings: unknown };
console.log(JSON.stringify({ findings, summary: recording.summary, verdicts }));
