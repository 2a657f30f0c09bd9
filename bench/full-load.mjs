#!/usr/bin/env node
/**
 * Every CPU busy, at the highest frequency: are samples lost, does the event loop keep up, and are there as many samples
 * as CPU time says there should be?
 *
 *     node bench/full-load.mjs [--seconds 60] [--frequency 999]
 */
import { cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { spawn } from "node:child_process";
import { parseArgs } from "node:util";
import { recordWhile } from "../build/test/support/record.js";
import { buildWorkload, missingTool } from "../build/test/support/workload.js";
import { WORKLOADS } from "../build/test/workloads/catalogue.js";
import { busySeconds, enableBpfStatistics, usageOf } from "./process-usage.mjs";

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "60" }, frequency: { type: "string", default: "999" } },
});
const seconds = Number(values.seconds);
const frequency = Number(values.frequency);

/** Stacks of very different depth and kind; two for each CPU. */
const NAMES = [
  "split-pie",
  "recursion-60",
  "recursion-400",
  "templates",
  "exceptions",
  "kernel",
  "rust-v0",
  "libc-asm",
];
const chosen = WORKLOADS.filter((workload) => NAMES.includes(workload.name) && missingTool(workload) === undefined);
const built = chosen.map(buildWorkload);
const disableStatistics = await enableBpfStatistics();
const loads = [];
for (const cpu of cpus().keys()) {
  for (const [index, { path, workload }] of built.entries()) {
    if (index % cpus().length !== cpu) continue;
    loads.push(spawn("taskset", ["-c", String(cpu), path, "3600000", ...(workload.args ?? [])], { stdio: "ignore" }));
  }
}

try {
  let busyBefore, busyAfter, start, end;
  const recording = await recordWhile({ frequency }, async (pid) => {
    busyBefore = busySeconds();
    start = usageOf(pid);
    await sleep(seconds * 1000);
    end = usageOf(pid);
    busyAfter = busySeconds();
  });
  const { summary, stacks } = recording;
  const written = stacks.reduce((sum, { count }) => sum + count, 0);
  const expected = (busyAfter - busyBefore) * frequency;
  const percent = (part, whole) => `${((100 * part) / whole).toFixed(3)} %`;
  console.log(`frequency                     ${frequency} Hz, ${cpus().length} CPUs, ${seconds} s`);
  console.log(`samples                       ${summary.samples} (${written} in the folded stacks)`);
  console.log(
    `lost                          ${summary.lost} (${percent(summary.lost, summary.samples + summary.lost)})`,
  );
  console.log(
    `busy CPU seconds × Hz         ${expected.toFixed(0)}; kept ${percent(summary.samples, expected)} (the recording is a little longer)`,
  );
  console.log(`complete                      ${percent(summary.complete, summary.samples)}`);
  console.log(`outcomes                      ${JSON.stringify(summary.outcomes)}`);
  console.log(`event loop delay, ms          ${JSON.stringify(summary.loopDelayMs ?? "not reported")}`);
  console.log(`agent CPU                     ${((end.cpuNs - start.cpuNs) / seconds / 1e7).toFixed(2)} % of one core`);
  console.log(
    `BPF                           ${((end.bpfNs - start.bpfNs) / seconds / 1e7).toFixed(2)} % of one core, ${((end.bpfNs - start.bpfNs) / ((busyAfter - busyBefore) * frequency) / 1000).toFixed(2)} µs a sample`,
  );
  console.log(`RSS, peak                     ${end.rssMiB.toFixed(1)} MiB, ${end.peakRssMiB.toFixed(1)} MiB`);
  console.log(`BPF maps                      ${end.mapMiB.toFixed(2)} MiB`);
} finally {
  for (const load of loads) load.kill("SIGKILL");
  disableStatistics();
}
