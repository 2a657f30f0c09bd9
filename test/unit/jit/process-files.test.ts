import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { afterEach, describe, it, type TestContext } from "node:test";
import { answerJit } from "#src/jit/answer.js";
import { ProcessFiles } from "#src/jit/process-files.js";
import { startTimeNs } from "../../support/proc.js";
import { until } from "../../support/until.js";

const isRoot = process.getuid?.() === 0;
const NEEDS_ROOT = "another process's root needs root";

/** Processes and files that a test has made. */
const children: ChildProcess[] = [];
const files: string[] = [];

function sleeper(): { readonly pid: number; readonly startTimeNs: bigint; readonly map: string } {
  const child = spawn("sleep", ["60"], { stdio: "ignore" });
  children.push(child);
  const pid = child.pid!;
  const map = `/tmp/perf-${pid}.map`;
  files.push(map);
  return { pid, startTimeNs: startTimeNs(pid), map };
}

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const file of files.splice(0)) rmSync(file, { recursive: true, force: true });
});

function find(process: { readonly pid: number; readonly startTimeNs: bigint }) {
  const outcomes: string[] = [];
  const found = ProcessFiles.find(process, (kind, outcome) => outcomes.push(`${kind} ${outcome}`));
  return { found, outcomes };
}

function namesIn(found: ReturnType<typeof find>["found"], ...addresses: readonly number[]): string[] {
  assert.ok(typeof found !== "string");
  const held = found.hold();
  const answer = answerJit({
    files: held.map(({ kind, fd, state }) => ({ kind, fd, state })),
    addresses: Float64Array.from(addresses),
    maxBytes: 1 << 20,
  });
  found.release(held);
  return Array.from(answer.chainIndices, (chain) =>
    chain < 0 ? "" : answer.functions[answer.chains.functions[chain]].name,
  );
}

describe("files in which a process tells its code", () => {
  it("are found, read while it lives, and readable after it", async () => {
    const process = sleeper();
    writeFileSync(process.map, "1000 10 one\n");
    const { found, outcomes } = find(process);
    assert.deepEqual(outcomes, ["perf-map opened"]);
    assert.deepEqual(namesIn(found, 0x1000), ["one"]);
    const child = children[0];
    child.kill("SIGKILL");
    await once(child, "exit");
    assert.deepEqual(namesIn(found, 0x1000, 0x2000), ["one", ""]);
    assert.ok(typeof found !== "string");
    found.close();
  });

  it("are found when they come late, and anew when another takes their place", () => {
    const process = sleeper();
    const { found, outcomes } = find(process);
    assert.deepEqual(namesIn(found, 0x1000), [""]);
    writeFileSync(process.map, "1000 10 late\n");
    assert.deepEqual(namesIn(found, 0x1000), ["late"]);
    writeFileSync(`${process.map}.new`, "1000 10 other\n");
    files.push(`${process.map}.new`);
    renameSync(`${process.map}.new`, process.map);
    assert.deepEqual(namesIn(found, 0x1000), ["other"]);
    assert.deepEqual(outcomes, ["perf-map absent", "perf-map absent", "perf-map opened", "perf-map opened"]);
    assert.ok(typeof found !== "string");
    found.close();
  });

  it("are no links, folders, pipes or devices, and of nobody else", (context: TestContext) => {
    if (!isRoot) {
      context.skip(NEEDS_ROOT);
      return;
    }
    const cases: Record<string, (map: string) => void> = {
      link: (map) => {
        symlinkSync("/etc/passwd", map);
      },
      "not-a-file": (map) => {
        mkdirSync(map);
      },
      "foreign-owner": (map) => {
        writeFileSync(map, "1000 10 theirs\n");
        chownSync(map, 12345, 12345);
      },
    };
    for (const [outcome, make] of Object.entries(cases)) {
      const process = sleeper();
      make(process.map);
      const { found, outcomes } = find(process);
      assert.deepEqual(outcomes, [`perf-map ${outcome}`]);
      assert.deepEqual(namesIn(found, 0x1000), [""]);
      assert.ok(typeof found !== "string");
      found.close();
    }
    for (const command of [["mkfifo"], ["mknod", "c", "1", "5"]]) {
      const process = sleeper();
      execFileSync(command[0], [process.map, ...command.slice(1)]);
      assert.deepEqual(find(process).outcomes, ["perf-map not-a-file"], command[0]);
    }
  });

  it("are nobody's whose number is another's by now, or who is gone", async () => {
    const process = sleeper();
    assert.equal(find({ ...process, startTimeNs: process.startTimeNs - 5_000_000_000n }).found, "pid-reused");
    const child = children[0];
    child.kill("SIGKILL");
    await once(child, "exit");
    assert.equal(find(process).found, "process-gone");
  });

  it("lie in the process's own root, by its own number; a link in the place of the folder is not followed", async (context) => {
    if (!isRoot) {
      context.skip(NEEDS_ROOT);
      return;
    }
    const own = 'mount -t tmpfs none /tmp && echo "1000 10 inside" > /tmp/perf-1.map && echo ready && exec sleep 60';
    const linked = [
      "mount -t tmpfs none /mnt && cd /mnt && mkdir usr other && mount --bind /usr usr",
      "ln -s usr/bin bin && ln -s usr/lib lib && ln -s usr/lib64 lib64 && ln -s other tmp",
      'echo "1000 10 elsewhere" > other/perf-1.map && echo ready && exec chroot /mnt sleep 60',
    ].join(" && ");
    const scripts: readonly (readonly [string, string, string])[] = [
      [own, "opened", "inside"],
      [linked, "link", ""],
    ];
    for (const [script, outcome, name] of scripts) {
      const child = spawn("unshare", ["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script], {
        stdio: ["ignore", "pipe", "ignore"],
      });
      children.push(child);
      await once(child.stdout, "data");
      const pid = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8"));
      await until(() => readFileSync(`/proc/${pid}/comm`, "utf8") === "sleep\n");
      const { found, outcomes } = find({ pid, startTimeNs: startTimeNs(pid) });
      assert.deepEqual(outcomes, [`perf-map ${outcome}`]);
      assert.deepEqual(namesIn(found, 0x1000), [name]);
      assert.ok(typeof found !== "string");
      found.close();
    }
  });

  it("leave no descriptor open, and none that is read from closed", () => {
    const before = readdirSync("/proc/self/fd").length;
    const process = sleeper();
    writeFileSync(process.map, "1000 10 one\n");
    const { found } = find(process);
    assert.ok(typeof found !== "string");
    const held = found.hold();
    found.close();
    const answer = answerJit({
      files: held.map(({ kind, fd, state }) => ({ kind, fd, state })),
      ...{ addresses: Float64Array.of(0x1000), maxBytes: 1 << 20 },
    });
    assert.equal(answer.functions[0].name, "one");
    found.release(held);
    assert.equal(readdirSync("/proc/self/fd").length, before);
  });
});
