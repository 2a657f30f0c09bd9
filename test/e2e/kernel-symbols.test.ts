import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { SymbolWatch } from "#src/capture/symbol-watch.js";
import { resolveKernelSymbols } from "#src/symbols/kallsyms.js";
import { NameCache } from "#src/naming/name-cache.js";
import { loadNative } from "#src/native/load.js";
import { RunningAgent } from "../support/agent.js";
import { BusyBpfProgram, cannotRunBpf } from "../support/bpf-program.js";
import { cannotRecord, recordWhile } from "../support/record.js";
import { changesOf } from "../support/symbol-records.js";
import { until } from "../support/until.js";

/** Root without the one right, for this process and what it starts. */
const WITHOUT_SYSLOG = ["setpriv", "--bounding-set=-syslog", "--inh-caps=-syslog"];

/** What the kernel goes by (kallsyms_show_value): where everybody may see addresses, the right makes no difference. */
function everybodyMaySee(): boolean {
  const read = (name: string) => Number(readFileSync(`/proc/sys/kernel/${name}`, "latin1"));
  return read("kptr_restrict") === 0 && read("perf_event_paranoid") <= 1;
}

function cannotHide(): string | undefined {
  if (everybodyMaySee()) return "this kernel shows its addresses to everybody";
  return spawnSync("setpriv", ["--version"]).status === 0 ? undefined : "needs setpriv";
}

describe("BPF programs", { skip: cannotRecord() ?? cannotRunBpf() }, () => {
  let program: BusyBpfProgram;
  before(() => {
    program = new BusyBpfProgram();
  });
  after(() => program.dispose());

  const PROGRAM = /^bpf!bpf_prog_[0-9a-f]{16}_hostflame_busy_\[k\]$/;
  const SUBPROGRAM = /^bpf!bpf_prog_[0-9a-f]{16}_spin_\[k\]$/;

  for (const isGone of [false, true]) {
    it(`have names with their module in a recording${isGone ? ", when they are gone by its end" : ""}`, async () => {
      const { stacks } = await recordWhile({ args: ["--comm", "bpftool"] }, async () => {
        program.start();
        await sleep(2500);
        if (isGone) await program.stop();
      });
      await program.stop();
      const running = stacks.filter(({ frames }) => frames.some((frame) => frame.startsWith("bpf_test_run")));
      const inside = running.filter(({ frames }) => {
        const leaf = frames.at(-1) ?? "";
        return SUBPROGRAM.test(leaf) && PROGRAM.test(frames.at(-2) ?? "");
      });
      const samples = (some: typeof stacks) => some.reduce((sum, { count }) => sum + count, 0);
      assert.ok(samples(running) > 50, `${samples(running)} samples`);
      assert.ok(
        samples(inside) > 0.9 * samples(running),
        `${samples(inside)} of ${samples(running)}\n${running[0].frames.join(";")}`,
      );
    });
  }

  it("are told of as they come and go, and cost no pass over the kernel's list", async (context) => {
    const watch = new SymbolWatch(loadNative().addon);
    watch.start();
    try {
      assert.equal(watch.problem, "");
      program.run(1);
      const changes = watch.changes()?.changes ?? [];
      const ours = changes.filter(({ name }) => /_(hostflame_busy|spin)$/.test(name));
      const told = ours.map(({ name, made, module }) => `${made ? "+" : "-"}${name.replace(/.*_/, "")} ${module}`);
      assert.deepEqual(told.toSorted(), ["+busy bpf", "+spin bpf", "-busy bpf", "-spin bpf"]);
      let passes = 0;
      const namer = {
        symbolize: () => Promise.reject(new Error("not asked")),
        kernel: (addresses: BigUint64Array) => {
          passes++;
          return Promise.resolve(resolveKernelSymbols(addresses));
        },
      };
      let present = changesOf();
      const cache = new NameCache(namer, 1 << 20, undefined, () => present);
      const costs: number[] = [];
      for (let window = 0; window < 5; window++) {
        program.run(1);
        const from = process.cpuUsage();
        present = watch.changes() ?? present;
        const spins = present.changes.filter(({ name, made }) => made && name.endsWith("_spin"));
        const { nameIndices, names } = await cache.kernel(BigUint64Array.of(spins[0].address));
        const { user, system } = process.cpuUsage(from);
        costs.push((user + system) / 1000);
        assert.match(names[nameIndices[0]].name, /_spin$/);
      }
      assert.equal(passes, 0);
      context.diagnostic(`${costs.map((ms) => ms.toFixed(1)).join(", ")} ms of CPU a window`);
    } finally {
      watch.close();
    }
    assert.equal(watch.changes(), undefined);
  });
});

describe("a kernel that hides its addresses", { skip: cannotRecord() ?? cannotHide() }, () => {
  const hidden = /hides addresses \(kernel\.kptr_restrict is \d\)/;
  /** Is in the kernel for most of the time: on an idle machine there would be no function that lacks its name. */
  let copying: ChildProcess;

  before(() => {
    copying = spawn("dd", ["if=/dev/zero", "of=/dev/null", "bs=1M"], { stdio: "ignore" });
  });
  after(() => {
    copying.kill("SIGKILL");
  });

  it("is said by check, with what to do", () => {
    const [command, ...words] = [...WITHOUT_SYSLOG, process.execPath, "dist/main.js", "check", "--json"];
    const { findings } = JSON.parse(execFileSync(command, words, { encoding: "utf8" })) as {
      readonly findings: readonly { readonly id: string; readonly [field: string]: string }[];
    };
    const finding = findings.find(({ id }) => id === "kernel-symbols");
    assert.equal(finding?.["status"], "warn");
    assert.match(finding["found"], hidden);
    assert.match(finding["advice"], /run as root or with CAP_SYSLOG; kernel frames stay bare addresses otherwise$/);
  });

  it("is said by a recording, which goes on", () => {
    const [command, ...words] = [...WITHOUT_SYSLOG, process.execPath, "dist/main.js", "record", "--duration", "1s"];
    const { status, stderr } = spawnSync(command, words, { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    assert.match(stderr, /kernel functions have no names: the kernel hides its addresses: give CAP_SYSLOG/);
  });

  it("is said by the agent's /readyz and metrics, and leaves it ready", async () => {
    const agent = new RunningAgent(["--window", "1s", "--frequency", "99"], {}, { prefix: WITHOUT_SYSLOG });
    try {
      await agent.until("sampling");
      const { status, text } = await agent.get("/readyz");
      assert.equal(status, 200);
      const { missing } = JSON.parse(text) as { readonly missing: readonly string[] };
      const sentence = missing.find((one) => one.startsWith("kernel symbols: ")) ?? "";
      assert.match(sentence, hidden);
      assert.match(sentence, /: run as root or with CAP_SYSLOG; kernel frames stay bare addresses otherwise\.$/);
      assert.equal(await agent.metric("hostflame_health_part", 'part="kernel symbols",state="degraded"'), 1);
      await until(
        async () => (await agent.metric("hostflame_names_missing_total", 'reason="kernel-hidden"')) > 0,
        30_000,
      );
    } finally {
      await agent.dispose();
    }
  });
});
