#!/usr/bin/env node
/**
 * Runs the workloads under a profiler and prints, for each, what came out: kept, whole, right, split.
 *
 *     node bench/workloads.mjs [--with hostflame|perf] [--frequency 999] [--budget 2000] [NAME…]
 *
 * With perf it says whether the workloads themselves are as their manifests claim, by an unwinder that is not ours
 * (which cannot copy more than 16 KiB of stack, and reads no .debug_frame of a file without .eh_frame).
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { perfWhile } from "../build/test/support/perf.js";
import { recordWhile } from "../build/test/support/record.js";
import { runWorkloads } from "../build/test/support/run-workload.js";
import { judge, shortcomings } from "../build/test/support/verdict.js";
import { buildWorkload, missingTool } from "../build/test/support/workload.js";
import { WORKLOADS } from "../build/test/workloads/catalogue.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    with: { type: "string", default: "hostflame" },
    frequency: { type: "string", default: "999" },
    budget: { type: "string", default: "2000" },
  },
});
const frequency = Number(values.frequency);

const built = [];
for (const workload of WORKLOADS) {
  if (positionals.length > 0 && !positionals.includes(workload.name)) continue;
  const missing = missingTool(workload);
  if (missing === undefined) built.push(buildWorkload(workload));
  else console.log(`${workload.name}: skipped, ${missing}`);
}

let truths;
const work = async () => {
  truths = await runWorkloads(built, Number(values.budget), [...cpus().keys()]);
};
let stacks;
const periodNs = 1e9 / frequency;
if (values.with === "perf") {
  stacks = await perfWhile(frequency, work);
} else {
  const recording = await recordWhile({ frequency }, work);
  ({ stacks } = recording);
  console.log(JSON.stringify(recording.summary, null, 1));
}

const percent = (part, whole) => ((100 * part) / Math.max(whole, 1)).toFixed(1).padStart(6);
console.log(`${"workload".padEnd(16)} samples  kept%  whole%  right%  split (sampled/measured %)`);
for (const one of built) {
  const verdict = judge(one, stacks, truths.get(one.workload.name), periodNs);
  const split = Object.entries(verdict.shares)
    .map(([branch, { sampled, measured }]) => `${branch} ${(100 * sampled).toFixed(1)}/${(100 * measured).toFixed(1)}`)
    .join(" ");
  console.log(
    `${verdict.name.padEnd(16)} ${String(verdict.samples).padStart(7)} ${percent(verdict.kept, verdict.expected)}  ` +
      `${percent(verdict.whole, verdict.samples)}  ${percent(verdict.right, verdict.samples)}  ${split}`,
  );
  const complaints = shortcomings(verdict, one.workload.notWhole);
  for (const complaint of complaints) console.log(`    ${complaint.slice(0, 400)}`);
}
