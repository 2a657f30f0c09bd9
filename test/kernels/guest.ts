/**
 * Runs under another kernel: asks hostflame check, records workloads, judges the recording, samples cgroups, and prints it
 * all as one line of JSON. The workloads were built outside; the guest sees this machine's files.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { CgroupHierarchy, CgroupPath } from "#src/model/cgroup.js";
import { captureWhile, mountOf, TestCgroup, usageOf } from "../support/cgroups.js";
import { judge } from "../support/verdict.js";
import { recordWhile } from "../support/record.js";
import { runWorkloads } from "../support/run-workload.js";
import { buildWorkload } from "../support/workload.js";
import { CPU_MS, guestWorkloads } from "./guest-workloads.js";

/** An emulated CPU is slow: at 999 Hz sampling would be most of what it does. */
const FREQUENCY_HZ = 199;
/** Loading what makes rows, file by file over 9p, takes the guest longer than the workloads run; their stacks wait for it. */
const ROWS_MS = 20_000;
/** One after the other on the second CPU; the first is left to record. */
const CPUS = [1];
/** Nor is it asked to convert the unwind information of node, which takes it longer than the workloads run. */
const COMMS = guestWorkloads.flatMap(({ name, comms }) => comms ?? [name]);

const V1_MOUNT = "/tmp/cpuacct";

/** What was found of one cgroup that the test had made, and of one that it refused. */
export interface GuestCgroup {
  readonly hierarchy: CgroupHierarchy;
  readonly expected: readonly string[];
  readonly names: readonly string[] | undefined;
  readonly samples: number;
  readonly refusedSamples: number;
  readonly refusedTicks: number;
}

const built = guestWorkloads.map(buildWorkload);
let truths: Awaited<ReturnType<typeof runWorkloads>> | undefined;
const recording = await recordWhile({ frequency: FREQUENCY_HZ, args: ["--comm", ...COMMS] }, async () => {
  truths = await runWorkloads(built, CPU_MS, CPUS);
  await sleep(ROWS_MS);
});
const verdicts = built.map((one) => {
  const truth = truths?.get(one.workload.name);
  if (truth === undefined) throw new Error(`${one.workload.name} did not run`);
  return judge(one, recording.stacks, truth, recording.periodNs);
});

/** A process of a moment in a made cgroup, as the kernel side tells of it: v2 of the guest's own mount, v1 of ours. */
async function tellCgroup(hierarchy: CgroupHierarchy): Promise<GuestCgroup | undefined> {
  if (mountOf(hierarchy) === undefined) return undefined;
  const cgroup = new TestCgroup(hierarchy, "kubepods.slice", "cri-containerd-0c.scope");
  const refused = new TestCgroup(hierarchy, "refused");
  let path: CgroupPath | undefined;
  let refusedTicks = 0;
  try {
    const { window } = await captureWhile({ hierarchy, frequencyHz: FREQUENCY_HZ }, async ({ cgroups }) => {
      cgroups.setDivisor(refused.id, 0);
      await Promise.all([cgroup.burn(1), refused.burn(1)]);
      await sleep(500);
      path = cgroups.path(cgroup.id);
      refusedTicks = Number(cgroups.counts(refused.id)?.refused ?? 0);
    });
    const { samples } = usageOf(window, cgroup.id);
    const refusedSamples = usageOf(window, refused.id).samples;
    return { hierarchy, expected: cgroup.names, names: path?.names, samples, refusedSamples, refusedTicks };
  } finally {
    await cgroup.remove();
    await refused.remove();
  }
}

const check = spawnSync(process.execPath, ["dist/main.js", "check", "--json"], { encoding: "utf8" });
const { findings } = JSON.parse(check.stdout) as { readonly findings: unknown };
const cgroups = [await tellCgroup("v2")];
// Kernels still have it: where the guest's mounts leave the controller to nobody, it can be had.
mkdirSync(V1_MOUNT);
spawnSync("mount", ["-t", "cgroup", "-o", "cpuacct", "cgroup", V1_MOUNT]);
cgroups.push(await tellCgroup("cpuacct"));
console.log(JSON.stringify({ findings, summary: recording.summary, verdicts, cgroups }));
