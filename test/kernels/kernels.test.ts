import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { before, describe, it } from "node:test";
import type { Summary } from "../support/record.js";
import type { Verdict } from "../support/verdict.js";
import { buildWorkload, missingTool } from "../support/workload.js";
import { guestWorkloads } from "./guest-workloads.js";

/** A folder whose `run SUITE -- COMMAND` boots a Debian kernel over this machine's files and runs a command there. */
const kit = path.resolve(process.env["HOSTFLAME_KERNELS"] ?? "../shared/kernels");
const SUITES: Readonly<Record<string, string>> = { bullseye: "5.10", bookworm: "6.1", trixie: "6.12" };
/** Booting takes 5 s, starting node 1.5 s, and each second of CPU several, for the CPU is emulated. */
const GUEST_SECONDS = 240;

interface Report {
  readonly summary: Summary;
  readonly verdicts: readonly Verdict[];
}

describe("record under other kernels", { skip: cannotBoot() }, () => {
  before(() => {
    for (const workload of guestWorkloads) {
      assert.equal(missingTool(workload), undefined);
      buildWorkload(workload);
    }
  });

  for (const [suite, version] of Object.entries(SUITES)) {
    it(`names whole stacks on Linux ${version}`, () => {
      const { summary, verdicts } = recordInGuest(suite);
      assert.equal(summary.lost, 0);
      assert.equal(verdicts.length, guestWorkloads.length);
      for (const verdict of verdicts) {
        const { name, samples, whole, right, wrong } = verdict;
        // A guest of two emulated CPUs loses ticks, so how many samples there are says nothing; what they hold does.
        assert.ok(samples >= 100, `${name}: only ${samples} samples`);
        assert.ok(whole >= 0.99 * samples, `${name}: ${whole} of ${samples} whole\n${wrong.slice(0, 5).join("\n")}`);
        assert.ok(right >= 0.99 * samples, `${name}: ${right} of ${samples} right\n${wrong.slice(0, 5).join("\n")}`);
      }
    });

    it(`hostflame check finds nothing missing on Linux ${version}`, () => {
      const { findings } = JSON.parse(runInGuest(suite, "dist/main.js", "check", "--json")) as {
        readonly findings: readonly { readonly id: string; readonly status: string; readonly found: string }[];
      };
      assert.ok(findings.find(({ id }) => id === "kernel-version")?.found.includes(`Linux ${version}.`));
      assert.deepEqual(
        findings.filter(({ status }) => status !== "ok"),
        [],
      );
    });
  }
});

function recordInGuest(suite: string): Report {
  const output = runInGuest(suite, "build/test/kernels/guest.js");
  return JSON.parse(output.trim().split("\n").at(-1) ?? "") as Report;
}

/** Standard output of a command in the guest. The kit wants files or pipes to write to; Node.js makes sockets. */
function runInGuest(suite: string, ...words: readonly string[]): string {
  const folder = mkdtempSync(path.join(tmpdir(), "hostflame-guest-"));
  const [stdout, stderr] = [path.join(folder, "stdout"), path.join(folder, "stderr")];
  const [out, err] = [openSync(stdout, "w"), openSync(stderr, "w")];
  try {
    const command = [suite, "--timeout", String(GUEST_SECONDS), "--", process.execPath, ...words];
    const { status } = spawnSync(path.join(kit, "run"), command, { stdio: ["ignore", out, err] });
    const output = readFileSync(stdout, "utf8");
    assert.equal(status, 0, `in the guest:\n${readFileSync(stderr, "utf8")}\n${output.slice(-4000)}`);
    return output;
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
