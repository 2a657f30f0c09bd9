import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { before, describe, it } from "node:test";
import type { Summary } from "../support/record.js";
import type { Verdict } from "../support/verdict.js";
import { buildWorkload, missingTool } from "../support/workload.js";
import type { GuestCgroup } from "./guest.js";
import { guestWorkloads } from "./guest-workloads.js";

/** A folder whose `run SUITE -- COMMAND` boots a Debian kernel over this machine's files and runs a command there. */
const kit = path.resolve(process.env["HOSTFLAME_KERNELS"] ?? "../shared/kernels");
const SUITES: Readonly<Record<string, string>> = { bullseye: "5.10", bookworm: "6.1", trixie: "6.12" };
/** Booting takes 5 s, starting node 1.5 s, and each second of CPU several, for the CPU is emulated. */
const GUEST_SECONDS = 240;

interface Report {
  readonly findings: readonly { readonly id: string; readonly status: string; readonly found: string }[];
  readonly summary: Summary;
  readonly verdicts: readonly Verdict[];
  /** null where the kernel has no such hierarchy. */
  readonly cgroups: readonly (GuestCgroup | null)[];
}

describe("record under other kernels", { skip: cannotBoot() }, () => {
  before(() => {
    for (const workload of guestWorkloads) {
      assert.equal(missingTool(workload), undefined);
      buildWorkload(workload);
    }
  });

  for (const [suite, version] of Object.entries(SUITES)) {
    describe(`Linux ${version}`, () => {
      let report: Report;
      before(() => {
        report = runInGuest(suite);
      });

      it("lacks nothing", () => {
        assert.ok(report.findings.find(({ id }) => id === "kernel-version")?.found.includes(`Linux ${version}.`));
        assert.deepEqual(
          report.findings.filter(({ status }) => status !== "ok"),
          [],
        );
      });

      for (const [index, hierarchy] of (["v2", "cpuacct"] as const).entries()) {
        it(`knows a cgroup of ${hierarchy} by its path, and refuses one before it samples it`, (context) => {
          const cgroup = report.cgroups[index];
          if (cgroup === null) {
            context.skip(`this kernel does not mount ${hierarchy}`);
            return;
          }
          assert.deepEqual(cgroup.names, cgroup.expected);
          assert.ok(cgroup.samples > 0);
          assert.equal(cgroup.refusedSamples, 0);
          assert.ok(cgroup.refusedTicks > 0);
        });
      }

      it("loses no sample", () => assert.equal(report.summary.lost, 0));

      for (const { name } of guestWorkloads) {
        it(`has whole stacks of ${name}, with the right names from main to the leaf`, () => {
          const verdict = report.verdicts.find((one) => one.name === name);
          assert.ok(verdict !== undefined);
          const { samples, whole, kept, wrong } = verdict;
          const shown = wrong.slice(0, 5).join("\n");
          // An emulated CPU loses ticks, so how many samples there are says little; what they hold says all.
          assert.ok(kept >= 50, `only ${kept} samples of the workload's own work`);
          assert.ok(whole >= 0.99 * samples, `${whole} of ${samples} whole\n${shown}`);
          assert.ok(wrongBelowMain(wrong) <= 0.01 * samples, `${wrongBelowMain(wrong)} of ${samples} wrong\n${shown}`);
        });
      }
    });
  }
});

/** Samples below main that are in no branch. Loading, which takes an emulated machine long, is none of them. */
function wrongBelowMain(wrong: readonly string[]): number {
  const counts = wrong.filter((stack) => stack.includes(";main;")).map((stack) => Number(/^\d+/.exec(stack)?.[0]));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** What guest.ts prints. The kit wants files or pipes to write to; Node.js makes sockets. */
function runInGuest(suite: string): Report {
  const folder = mkdtempSync(path.join(tmpdir(), "hostflame-guest-"));
  const [stdout, stderr] = [path.join(folder, "stdout"), path.join(folder, "stderr")];
  const [out, err] = [openSync(stdout, "w"), openSync(stderr, "w")];
  try {
    // Shared by name: a guest has a /tmp of its own, and a checkout may lie there.
    const options = ["--timeout", String(GUEST_SECONDS), "--ro", process.cwd()];
    const command = [suite, ...options, "--", process.execPath, "build/test/kernels/guest.js"];
    const { status } = spawnSync(path.join(kit, "run"), command, { stdio: ["ignore", out, err] });
    const output = readFileSync(stdout, "utf8");
    assert.equal(status, 0, `in the guest:\n${readFileSync(stderr, "utf8")}\n${output.slice(-4000)}`);
    return JSON.parse(output.trim().split("\n").at(-1) ?? "") as Report;
  } finally {
    closeSync(out);
    closeSync(err);
    rmSync(folder, { recursive: true });
  }
}

/** Why no other kernel can be booted here, or false. */
function cannotBoot(): string | false {
  if (!existsSync(path.join(kit, "run"))) return `no kernels kit at ${kit} (HOSTFLAME_KERNELS names another place)`;
  if (process.arch !== "x64") return "the guests' workloads are built for x86-64";
  try {
    execFileSync("sh", ["-c", "command -v qemu-system-x86_64"], { stdio: "ignore" });
  } catch {
    return "qemu-system-x86_64 is not installed";
  }
  return false;
}
