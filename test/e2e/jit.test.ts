import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { Profile } from "pprof-format";
import { RunningAgent } from "../support/agent.js";
import type { FoldedStack } from "../support/folded.js";
import { cannotRecord, recordWhile } from "../support/record.js";
import { until } from "../support/until.js";
import { nodeRelease } from "../support/v8/node-release.js";
import { buildWorkload } from "../support/workload.js";
import { WORKLOADS } from "../workloads/catalogue.js";

const BUDGET_MS = "1500";
/** A function of JavaScript that V8 optimises, called by two that it does not inline into each other. */
const JAVASCRIPT = `
function hot(n) { let x = 0; for (let i = 0; i < n; i++) x = (x * 31 + i) | 0; return x; }
function first(n) { return hot(n) + 1; }
function second(n) { return hot(n) - 1; }
const end = process.cpuUsage().user + 1500000;
let sink = 0;
while (process.cpuUsage().user < end) sink += first(100000) + second(100000);
`;

const WARM_UP = "const end = Date.now() + 3000; let x = 0; while (Date.now() < end) x += Math.sin(x);";

function countIn(stacks: readonly FoldedStack[], has: (frames: readonly string[]) => boolean): number {
  return stacks.reduce((sum, { frames, count }) => sum + (has(frames) ? count : 0), 0);
}

describe("just-in-time compiled code", { skip: cannotRecord() ?? false }, () => {
  /** Not in /tmp, which a container has for itself. */
  const directory = mkdtempSync(resolve("build/e2e-jit-"));
  const children: ChildProcess[] = [];
  let program = "";

  before(() => {
    program = buildWorkload(WORKLOADS.find(({ name }) => name === "jit-private")!).path;
  });
  after(() => {
    for (const child of children) child.kill("SIGKILL");
    rmSync(directory, { recursive: true });
  });

  function start(command: string, args: readonly string[], cwd = directory): ChildProcess {
    const child = spawn(command, args, { cwd, stdio: "ignore" });
    children.push(child);
    return child;
  }

  /** The workload under a comm of its own. */
  function named(comm: string): string {
    const path = join(directory, comm);
    copyFileSync(program, path);
    return path;
  }

  it("of a container, which has ended by then, is named by the map in its own root, by its own number", async () => {
    const path = named("jit-inside");
    // A checkout may lie in /tmp: the program is opened before that is another one.
    const copied = 'exec 9<"$0" && mount -t tmpfs none /tmp && cat <&9 >/tmp/jit-inside && chmod 700 /tmp/jit-inside';
    const script = `${copied} && exec /tmp/jit-inside ${BUDGET_MS} private inside`;
    const { stacks } = await recordWhile({ args: ["--comm", "jit-inside"] }, async () => {
      await once(start("unshare", ["--mount", "--pid", "--fork", "sh", "-c", script, path]), "exit");
    });
    assertTree(stacks, "inside");
  });

  it("of two processes at the same addresses has the names of each", async () => {
    const paths = ["jit-one", "jit-two"].map(named);
    const { stacks } = await recordWhile({ args: ["--comm", "jit-one,jit-two"] }, async () => {
      const running = paths.map((path, at) => start("setarch", ["-R", path, BUDGET_MS, "private", ["one", "two"][at]]));
      await until(() => running.every(({ pid }) => existsSync(mapOf(pid))));
      await until(() => running.every(({ pid }) => readFileSync(mapOf(pid), "latin1").split("\n").length === 6));
      const [one, two] = running.map(({ pid }) => readFileSync(mapOf(pid), "latin1").split(" ")[0]);
      assert.equal(one, two, "the same address");
      await Promise.all(running.map((child) => once(child, "exit")));
    });
    for (const [own, other] of [
      ["one", "two"],
      ["two", "one"],
    ]) {
      const its = stacks.filter(({ comm }) => comm === `jit-${own}`);
      assertTree(its, own);
      assert.equal(
        countIn(its, (frames) => frames.some((frame) => frame.startsWith(other))),
        0,
      );
    }
  });

  it("of a process whose map has 200 MB is named, in bounded memory", async () => {
    const path = named("jit-large");
    const line = Array.from(
      { length: 10_000 },
      (_, at) => `${(0x10000 + at * 32).toString(16)} 20 padding_${"x".repeat(60)}_${at}\n`,
    );
    const { stacks, usage } = await recordWhile({ args: ["--comm", "jit-large"] }, async () => {
      // It takes its map along when it ends, and 200 MB are not everywhere written in BUDGET_MS.
      const child = start(path, [`${BUDGET_MS}0`, "private", "large"]);
      await until(() => existsSync(mapOf(child.pid)) && readFileSync(mapOf(child.pid), "latin1").endsWith("inner\n"));
      for (let bytes = 0, row = 0; bytes < 200e6; row++) {
        const piece = line.join("").replaceAll("\n", `_${row}\n`);
        appendFileSync(mapOf(child.pid), piece);
        bytes += piece.length;
      }
      await delay(Number(BUDGET_MS));
      assert.equal(child.exitCode, null, "it ran on while the map was written");
      child.kill();
      await once(child, "exit");
      rmSync(mapOf(child.pid)); // that it was killed before it could
    });
    assertTree(stacks, "large");
    assert.ok(usage.peakRssMiB < 250, `${usage.peakRssMiB} MiB`);
  });

  it("of V8 has its functions, with files, in whole stacks", async () => {
    const file = join(directory, "hot.js");
    writeFileSync(file, JAVASCRIPT);
    for (const flag of ["--perf-basic-prof", "--perf-prof"]) {
      const { stacks, profile } = await recordWhile({}, async () => {
        const flags = [flag, "--interpreted-frames-native-stack", "--no-turbo-inlining"];
        // Node.js is large, and its samples wait for its rows: not for longer than there is room for their stacks.
        await once(start(process.execPath, ["-e", WARM_UP]), "exit");
        const child = start(process.execPath, [...flags, file]);
        await once(child, "exit");
        rmSync(mapOf(child.pid), { force: true });
      });
      const hot = stacks.filter(({ frames }) => frames.includes("hot"));
      const total = countIn(hot, () => true);
      assert.ok(total > 300, `${flag}: ${total} samples`);
      const whole = countIn(hot, (frames) => {
        const at = frames.indexOf("hot");
        return /^(_start|libc\.so)/.test(frames[0]) && ["first", "second"].includes(frames[at - 1]);
      });
      assert.ok(whole >= 0.99 * total, `${flag}: ${whole} of ${total} are whole and called by whom they are called by`);
      const { function: functions, stringTable } = Profile.decode(gunzipSync(profile));
      const text = (index: number | bigint): string => stringTable.strings[Number(index)];
      const fn = functions.find(({ name }) => text(name) === "hot");
      assert.deepEqual([fn && text(fn.filename), Number(fn?.startLine)], [file, 2]);
    }
  });

  it("of a program that a Node.js process has become is its own, and so are a Node.js program's functions", async (context) => {
    const release = nodeRelease(24);
    if (typeof release === "string") {
      context.skip(release);
      return;
    }
    const become = join(directory, "become.js");
    const next = join(directory, "next.js");
    // It is V8 for long enough to be known as such; then its process is another program, with the same number, start and CPU time.
    writeFileSync(become, `${JAVASCRIPT}\nprocess.execve(process.argv[2], process.argv.slice(2));`);
    writeFileSync(next, JAVASCRIPT.replaceAll(/\b(hot|first|second)\b/g, "$1After"));
    const { stacks } = await recordWhile({}, async () => {
      await once(start(release.path, ["-e", WARM_UP]), "exit");
      await once(start(release.path, [become, named("jit-become"), "4500", "private", "become"]), "exit");
      await once(start(release.path, [become, release.path, next]), "exit");
    });
    assertTree(
      stacks.filter(({ comm }) => comm === "jit-become"),
      "become",
    );
    const hot = stacks.filter(({ frames }) => frames.some((frame) => /^(hot|first|second)After$/.test(frame)));
    const right = countIn(hot, (frames) => /(first|second)After;hotAfter/.test(frames.join(";")));
    const total = countIn(hot, () => true);
    assert.ok(total > 300 && right >= 0.97 * total, `${right} of ${total}`);
  });

  it("of a process with a link in the place of its map has no names, and the agent counts that", async () => {
    const path = named("jit-linked");
    const agent = new RunningAgent(["--window", "2s", "--frequency", "199"]);
    try {
      assert.ok(await agent.until("sampling"), agent.errors);
      const elsewhere = join(directory, "elsewhere.map");
      const child = start(path, ["6000", "private", "linked"]);
      await until(() => existsSync(mapOf(child.pid)) && readFileSync(mapOf(child.pid), "latin1").endsWith("inner\n"));
      copyFileSync(mapOf(child.pid), elsewhere);
      rmSync(mapOf(child.pid));
      symlinkSync(elsewhere, mapOf(child.pid));
      await agent.windows(2);
      assert.ok((await agent.metric("hostflame_jit_files_total", 'outcome="link"')) > 0);
      await until(async () => (await agent.metric("hostflame_jit_missing_total")) > 0, 20_000);
      child.kill("SIGTERM");
      rmSync(mapOf(child.pid), { force: true });

      const other = start(path, ["4000", "memfd", "told"]);
      await agent.windows(2);
      await until(async () => (await agent.metric("hostflame_jit_named_total")) > 0, 20_000);
      assert.ok((await agent.metric("hostflame_jit_symbols")) >= 5);
      await once(other, "exit");
      assert.equal((await agent.stop()).code, 0);
      const texts = agent
        .files()
        .map((name) => gunzipSync(agent.bytes(name)).toString("latin1"))
        .join("");
      assert.ok(texts.includes("told loop") && texts.includes("[jit]"));
    } finally {
      await agent.dispose();
    }
  });
});

function mapOf(pid: number | undefined): string {
  return `/tmp/perf-${pid}.map`;
}

/** The workload's stacks are whole, and in the order in which its code calls. */
function assertTree(stacks: readonly FoldedStack[], prefix: string): void {
  const generated = stacks
    // What interrupted it is a matter of the machine.
    .map((stack) => ({ ...stack, frames: stack.frames.filter((frame) => !frame.endsWith("_[k]")) }))
    .filter(({ frames }) => frames.includes("enter_generated") && frames.at(-1) !== "enter_generated");
  const total = countIn(generated, () => true);
  const right = countIn(generated, (frames) => {
    const inner = frames.slice(frames.indexOf("enter_generated") + 1).join(";");
    const calls = [`${prefix} calls`, `${prefix} trampoline`].flatMap((name) => [name, `${name};generated_calls`]);
    return [...calls, `${prefix} loop`, `${prefix}_outer`, `${prefix}_outer;app.Some.${prefix}_inner`].includes(inner);
  });
  assert.ok(total > 300, `${total} samples`);
  const shown = generated.map(({ frames, count }) => `${count} ${frames.join(";")}`).join("\n");
  assert.ok(right >= 0.97 * total, `${right} of ${total}\n${shown}`);
}
