#!/usr/bin/env node
/**
 * Cost follows samples, not processes: what `record` uses while 10 and while 3,000 more processes sleep.
 *
 *     node bench/idle-processes.mjs [--few 10] [--many 3000] [--seconds 20] [--rounds 3] [--frequency 99] [--alone]
 *
 * The load that is sampled is the same in all rounds: one workload on each CPU. Rounds alternate; medians are printed.
 * With --alone nothing but that load is sampled, so that whatever else the machine does has no part in the figures.
 */
import { spawn } from "node:child_process";
import { cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { recordWhile } from "../build/test/support/record.js";
import { buildWorkload } from "../build/test/support/workload.js";
import { WORKLOADS } from "../build/test/workloads/catalogue.js";
import { median, processTree, usageOf } from "./process-usage.mjs";

const { values } = parseArgs({
  options: {
    few: { type: "string", default: "10" },
    many: { type: "string", default: "3000" },
    seconds: { type: "string", default: "20" },
    rounds: { type: "string", default: "3" },
    frequency: { type: "string", default: "99" },
    alone: { type: "boolean", default: false },
  },
});
const seconds = Number(values.seconds);

/** Processes that exec'd and sleep, in a group of their own. */
async function startIdle(count) {
  const script = 'i=0; while [ $i -lt "$1" ]; do sleep 3600 & i=$((i+1)); done; wait';
  const shell = spawn("sh", ["-c", script, "sh", String(count)], { detached: true, stdio: "ignore" });
  while (processTree(shell.pid).length <= count) await sleep(100);
  return () => process.kill(-shell.pid, "SIGKILL");
}

async function measure(count) {
  const stopIdle = await startIdle(count);
  const { path } = buildWorkload(WORKLOADS.find(({ name }) => name === "split-pie"));
  const loads = [...cpus().keys()].map((cpu) =>
    spawn("taskset", ["-c", String(cpu), path, "3600000"], { stdio: "ignore" }),
  );
  try {
    let result;
    const args = values.alone ? ["--pid", ...loads.map(({ pid }) => String(pid))] : [];
    await recordWhile({ frequency: Number(values.frequency), args }, async (pid) => {
      await sleep(3000);
      const start = usageOf(pid);
      await sleep(seconds * 1000);
      const end = usageOf(pid);
      result = { cpuPercent: (end.cpuNs - start.cpuNs) / seconds / 1e7, startCpuMs: start.cpuNs / 1e6, ...end };
    });
    return result;
  } finally {
    for (const load of loads) load.kill("SIGKILL");
    stopIdle();
  }
}

const counts = [Number(values.few), Number(values.many)];
const rounds = counts.map(() => []);
for (let round = 0; round < Number(values.rounds); round++) {
  for (const [index, count] of counts.entries()) rounds[index].push(await measure(count));
}

const figures = [
  ["agent CPU, % of one core", "cpuPercent", 3],
  ["CPU until 3 s, ms", "startCpuMs", 0],
  ["RSS, MiB", "rssMiB", 1],
  ["peak RSS, MiB", "peakRssMiB", 1],
  ["BPF maps, MiB", "mapMiB", 2],
];
console.log(`${"".padEnd(26)} ${counts.map((count) => `${count} idle`.padStart(12)).join("")}       ratio`);
for (const [label, field, digits] of figures) {
  const [few, many] = rounds.map((results) => median(results.map((result) => result[field])));
  const texts = [few, many].map((value) => value.toFixed(digits).padStart(12)).join("");
  console.log(`${label.padEnd(26)} ${texts}  ${(many / few).toFixed(3).padStart(10)}`);
}
