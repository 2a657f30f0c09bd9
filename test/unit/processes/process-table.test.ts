import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { ProcessTable, type ProcessTableOptions } from "#src/processes/process-table.js";
import { startTimeNs } from "../../support/proc.js";

const children: ChildProcess[] = [];

/** A process that waits for ever, with this environment and no other. */
function waiting(env: Record<string, string>, command = "sleep"): number {
  const child = spawn(command, command === "sleep" ? ["1000"] : [], {
    env: { PATH: "/usr/bin:/bin", ...env },
    stdio: "ignore",
  });
  children.push(child);
  return child.pid!;
}

/** A table whose clock stands until it is moved. */
function tableAt(options: Partial<ProcessTableOptions> = {}): { table: ProcessTable; clock: { ms: number } } {
  const clock = { ms: 0 };
  return { table: new ProcessTable({ nowMs: () => clock.ms, ...options }), clock };
}

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

describe("a process that lives", () => {
  it("is known by its service variables and its executable", () => {
    const { table } = tableAt();
    const pid = waiting({ DD_SERVICE: "shop", OTEL_RESOURCE_ATTRIBUTES: "a=b", DD_API_KEY: "secret" });
    table.sight(pid, startTimeNs(pid), "variables");
    assert.deepEqual(table.find(pid, startTimeNs(pid)), {
      variables: { DD_SERVICE: "shop", OTEL_RESOURCE_ATTRIBUTES: "a=b" },
      executable: "sleep",
      kernelThread: false,
      context: undefined,
    });
    assert.equal(table.counts.read, 1);
  });

  it("is not touched where nothing may be read, and forgotten where that is no longer allowed", () => {
    const { table } = tableAt();
    const pid = waiting({ DD_SERVICE: "shop" });
    table.sight(pid, startTimeNs(pid), "nothing");
    assert.equal(table.find(pid, startTimeNs(pid)), undefined);
    assert.equal(table.counts.read, 0);
    table.sight(pid, startTimeNs(pid), "variables");
    assert.ok(table.find(pid, startTimeNs(pid)));
    table.sight(pid, startTimeNs(pid), "nothing");
    assert.equal(table.find(pid, startTimeNs(pid)), undefined);
  });

  it("is not believed under another start time", () => {
    const { table } = tableAt();
    const pid = waiting({ DD_SERVICE: "shop" });
    const before = startTimeNs(pid) - 10_000_000n;
    table.sight(pid, before, "variables");
    assert.equal(table.find(pid, before), undefined);
    assert.equal(table.counts.reused, 1);
  });

  it("is read again soon after, for it may have executed something else, and then rarely", async () => {
    const { table, clock } = tableAt();
    // Waits in a shell, then executes sleep with a service of its own.
    const child = spawn("sh", ["-c", "read line; DD_SERVICE=late exec sleep 1000"], {
      stdio: ["pipe", "ignore", "ignore"],
    });
    children.push(child);
    const pid = child.pid!;
    const start = startTimeNs(pid);
    table.sight(pid, start, "variables");
    assert.equal(table.find(pid, start)?.variables.DD_SERVICE, undefined);

    child.stdin.end("\n");
    while (readlink(pid) !== "sleep") await new Promise((resolve) => setTimeout(resolve, 5));
    clock.ms = 100;
    table.sight(pid, start, "variables");
    await table.catchUp();
    assert.equal(table.find(pid, start)?.variables.DD_SERVICE, undefined, "too soon");
    clock.ms = 1100;
    await table.catchUp();
    assert.equal(table.find(pid, start)?.variables.DD_SERVICE, "late");
    assert.equal(table.find(pid, start)?.executable, "sleep");

    for (clock.ms = 1200; clock.ms < 3_601_200; clock.ms += 1000) {
      table.sight(pid, start, "variables");
      if (clock.ms % 10_000 === 0) await table.catchUp();
    }
    assert.ok(table.counts.read < 12, `read ${table.counts.read} times in an hour`);
  });

  it("of a deleted executable has its name", () => {
    const folder = mkdtempSync(join(tmpdir(), "hostflame-process-"));
    const program = join(folder, "my service");
    execFileSync("cp", ["/bin/sleep", program]);
    const child = spawn(program, ["1000"], { stdio: "ignore" });
    children.push(child);
    rmSync(folder, { recursive: true });
    const { table } = tableAt();
    table.sight(child.pid!, startTimeNs(child.pid!), "variables");
    assert.equal(table.find(child.pid!, startTimeNs(child.pid!))?.executable, "my service");
  });

  it("may be the kernel's own thread", (context) => {
    // On Linux 6.18 the environment of a kernel thread is not empty but ESRCH, as if it were gone.
    const pid = 2;
    if (readFileSync(`/proc/${pid}/comm`, "utf8") !== "kthreadd\n") {
      return context.skip("needs the host's pid namespace");
    }
    const { table } = tableAt();
    const start = startTimeNs(pid);
    table.sight(pid, start, "context");
    const facts = table.find(pid, start);
    assert.deepEqual(facts, { variables: {}, executable: "", kernelThread: true, context: undefined });
  });
});

describe("a process that is gone", () => {
  it("is counted", () => {
    const { table } = tableAt();
    const { pid } = spawnSync("true");
    table.sight(pid, 1n, "variables");
    assert.equal(table.find(pid, 1n), undefined);
    assert.equal(table.counts.gone, 1);
  });
});

describe("a storm of processes", () => {
  it("costs no more reads than the budget; some wait, and the rest is counted", async () => {
    const { table, clock } = tableAt({ readsPerSecond: 10 });
    const pid = waiting({});
    for (let count = 0; count < 1000; count++) table.sight(pid, BigInt(count), "variables");
    assert.equal(table.counts.reused, 10);
    assert.equal(table.counts.overBudget, 1000 - 10 - 256);
    clock.ms = 1000;
    await table.catchUp();
    assert.equal(table.counts.reused, 20);
  });

  it("fills no more memory than the capacity, and pushes out only its like", () => {
    const { table, clock } = tableAt({ capacity: 4 });
    const [lasting, ...storm] = [waiting({}), waiting({}), waiting({}), waiting({})];
    const sight = (pid: number): void => table.sight(pid, startTimeNs(pid), "variables");
    const isKnown = (pid: number): boolean => table.find(pid, startTimeNs(pid)) !== undefined;
    sight(lasting);
    clock.ms = 60_000;
    sight(lasting);
    for (const pid of storm) sight(pid);
    assert.deepEqual([lasting, ...storm].map(isKnown), [true, false, true, true]);
    // The least recently sighted goes, not the oldest.
    sight(storm[1]);
    sight(storm[0]);
    assert.deepEqual([lasting, ...storm].map(isKnown), [true, true, true, false]);
    assert.equal(table.size, 3);
    assert.equal(table.counts.forgotten, 2);
  });
});

describe("/proc", () => {
  /** A /proc of one process, of files that a test can make hostile. */
  function fakeProc(environ: Buffer): string {
    const root = mkdtempSync(join(tmpdir(), "hostflame-proc-"));
    mkdirSync(join(root, "42"));
    writeFileSync(join(root, "42/environ"), environ);
    writeFileSync(join(root, "42/stat"), `42 (x) S 1 42 42 0 -1 0 1 2 3 4 5 6 7 8 20 0 9 0 5 1000 100`);
    symlinkSync("/", join(root, "42/exe"));
    return root;
  }

  it("may have an environment of any size: 128 KiB of it are looked at", () => {
    const root = fakeProc(Buffer.from(`DD_ENV=a\0${"x".repeat(200 * 1024)}\0DD_SERVICE=far\0`));
    const { table } = tableAt({ procRoot: root });
    table.sight(42, 50_000_000n, "variables");
    assert.deepEqual(table.find(42, 50_000_000n)?.variables, { DD_ENV: "a" });
    assert.equal(table.counts.cut, 1);
    rmSync(root, { recursive: true });
  });

  it("may have a page that does not come: contexts are given up, the rest goes on", async () => {
    const root = fakeProc(Buffer.alloc(0));
    const maps = join(root, "42/maps");
    execFileSync("mkfifo", [maps]);
    const { table, clock } = tableAt({ procRoot: root, contextTimeoutMs: 50 });
    table.sight(42, 50_000_000n, "context");
    clock.ms = 1000;
    await table.catchUp();
    assert.deepEqual([...table.contextCounts], [["stalled", 1]]);
    clock.ms = 20_000;
    await table.catchUp();
    assert.equal(table.contextCounts.get("busy"), 1);
    // It comes after all: then contexts are read again.
    closeSync(openSync(maps, "w"));
    await new Promise((resolve) => setTimeout(resolve, 100));
    rmSync(maps);
    writeFileSync(maps, "");
    await table.catchUp();
    assert.equal(table.contextCounts.get("absent"), 1);
    rmSync(root, { recursive: true });
  });
});

function readlink(pid: number): string {
  return (
    execFileSync("readlink", [`/proc/${pid}/exe`], { encoding: "utf8" })
      .trim()
      .split("/")
      .pop() ?? ""
  );
}
