import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Executable } from "#src/executables/executable.js";
import type { Session } from "#src/native/addon.js";
import { loadNative, type Native } from "#src/native/load.js";
import { functionsOf, LiveCapture, openFiles, rssMiB } from "../support/live-capture.js";
import { cannotRecord } from "../support/record.js";
import { until } from "../support/until.js";

const SPIN = `
  volatile unsigned long sink;
  __attribute__((noinline)) void spin_a_while(void) { for (int i = 0; i < 100000; i++) sink += i; }
  int main(void) { for (;;) spin_a_while(); }`;
const SIGNALS = ["SIGTERM", "SIGINT"] as const;

describe("windows one after the other", { skip: cannotRecord() ?? false }, () => {
  let directory: string;
  const children: ChildProcess[] = [];

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "hostflame-windows-"));
    for (const signal of SIGNALS) process.once(signal, endAtOnce);
    writeFileSync(join(directory, "spin.c"), SPIN);
    execFileSync("gcc", ["-O1", "-fomit-frame-pointer", "-o", join(directory, "spin"), join(directory, "spin.c")]);
    execFileSync("gcc", ["-O2", "-o", join(directory, "churn"), "test/workloads/churn/churn.c"]);
  });
  after(() => {
    for (const signal of SIGNALS) process.removeListener(signal, endAtOnce);
    cleanUp();
  });

  function endAtOnce(): void {
    cleanUp();
    process.exit(1);
  }

  /** Waits for nothing: no more can be done at a signal. */
  function cleanUp(): void {
    for (const child of children) child.kill("SIGKILL");
    unmountUnder(directory);
    rmSync(directory, { recursive: true });
  }

  async function run(
    path: string,
    args: readonly string[] = [],
    cwd = directory,
  ): Promise<ChildProcess & { pid: number }> {
    const child = spawn(path, args, { stdio: "ignore", cwd });
    children.push(child);
    await once(child, "spawn");
    return child as ChildProcess & { pid: number };
  }

  /** The executable of that name, once it is in this state. */
  async function when({ capture }: LiveCapture, name: string, state: Executable["state"]): Promise<Executable> {
    for (const deadline = performance.now() + 20_000; performance.now() < deadline; await sleep(20)) {
      const found = [...capture.registry.all()].find(({ path }) => path.endsWith(name));
      if (found?.state === state) {
        return found;
      }
    }
    throw new Error(`${name} was not ${state} within 20 s`);
  }

  /** Until the window has a hundred samples of the process: what they wait for, the rows of its libraries too, has come. */
  async function untilCounted({ capture }: LiveCapture, { pid }: ChildProcess): Promise<void> {
    await until(() => {
      const { threads } = capture.intake.window;
      const { thread, count, length } = capture.intake.window.samples();
      const ofIt = threads.threads().map((row) => row.pid === pid);
      return count.subarray(0, length).reduce((sum, n, row) => sum + (ofIt[thread[row]] ? n : 0), 0) >= 100;
    }, 20_000);
  }

  async function end(child: ChildProcess): Promise<void> {
    if (child.exitCode === null && child.signalCode === null) {
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      await exit;
    }
  }

  it("hold every sample once: together as many as the kernel side handed over", async () => {
    const spin = await run(join(directory, "spin"));
    const churn = await run(join(directory, "churn"), ["400", "3000"]);
    const live = new LiveCapture();
    const { capture } = live;
    capture.start();
    const windows = [];
    for (let i = 0; i < 20; i++) {
      await sleep(i % 3 === 0 ? 5 : 120); // some in the middle of a first sight
      windows.push(capture.rotate());
    }
    // Both read before the session is gone.
    await capture.stop().then((window) => windows.push(window));
    const { samples, samples_dropped: dropped } = capture.sampler.counters();
    await live.stop();
    await end(spin);
    await end(churn);
    const total = windows.reduce((sum, window) => sum + window.total, 0);
    assert.ok(total > 1500, `${total} samples`);
    assert.equal(dropped, 0);
    assert.equal(total + capture.intake.malformed, samples);
    assert.ok(windows.filter((window) => window.total > 0).length > 10);
    for (const window of windows) {
      const { count, length } = window.samples();
      assert.equal(
        count.subarray(0, length).reduce((sum, n) => sum + n, 0),
        window.total,
      );
    }
  });

  it("let go of a file that no longer runs, so that its file system can be unmounted", async (context) => {
    const mounts = join(directory, "mounts");
    const layers = ["lower", "upper", "work", "merged"].map((name) => join(mounts, name));
    const [lower, upper, work, merged] = layers;
    mkdirSync(mounts);
    try {
      execFileSync("mount", ["-t", "tmpfs", "tmpfs", mounts], { stdio: "pipe" });
    } catch (error) {
      context.skip(`no mount to be had: ${String(error)}`);
      return;
    }
    const live = new LiveCapture();
    const { capture } = live;
    try {
      layers.forEach((layer) => mkdirSync(layer));
      copyFileSync(join(directory, "spin"), join(lower, "container-main"));
      const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
      execFileSync("mount", ["-t", "overlay", "-o", options, "overlay", merged]);
      const child = await run(join(merged, "container-main"), [], "/");
      capture.start();
      await untilCounted(live, child);
      await end(child);
      const held = () => openFiles().filter((path) => path.includes("container-main"));
      const { profile } = await live.name(capture.rotate());
      assert.ok(
        functionsOf(profile).get(join(merged, "container-main"))?.has("spin_a_while"),
        "it was sampled and named",
      );
      assert.equal(held().length, 1);
      assert.throws(() => execFileSync("umount", [merged], { stdio: "pipe" }), /busy/, "the descriptor pins it");

      // Two whole windows; the first may still get what waited for rows.
      const windows = [];
      for (let i = 0; i < 3; i++) {
        await sleep(150);
        windows.push(capture.rotate());
      }
      assert.equal(held().length, 0);
      execFileSync("umount", [merged]);
      assert.ok(capture.upkeep.idle >= 1);
      for (const window of windows) {
        await live.name(window);
      }

      // Back again, it is announced afresh.
      execFileSync("mount", ["-t", "overlay", "-o", options, "overlay", merged]);
      const again = await run(join(merged, "container-main"), [], "/");
      await untilCounted(live, again);
      await end(again);
      const { profile: second } = await live.name(capture.rotate());
      assert.ok(functionsOf(second).get(join(merged, "container-main"))?.has("spin_a_while"));
    } finally {
      await live.stop();
      execFileSync("umount", ["-R", mounts]);
    }
  });

  it("name a frame of an executable that was let go meanwhile by its file and a counted reason", async () => {
    const live = new LiveCapture();
    const { capture } = live;
    try {
      const child = await run(join(directory, "spin"));
      capture.start();
      await untilCounted(live, child);
      await end(child);
      const late = capture.rotate();
      for (let i = 0; i < 3; i++) {
        await sleep(50);
        capture.rotate();
      }
      const { profile, unresolved } = await live.name(late);
      const names = [...(functionsOf(profile).get(join(directory, "spin")) ?? [])];
      assert.ok(names.length > 0 && names.every((name) => /^spin\+0x[0-9a-f]+$/.test(name)), names.join());
      assert.ok((unresolved["let-go"] ?? 0) >= names.length);
    } finally {
      await live.stop();
    }
  });

  it("go on with more distinct files than there is room for, in the same memory", async (context) => {
    // Room for a second of the storm: files whose rows are being made are not let go, and the worker names windows, too.
    const capacity = 256;
    const live = new LiveCapture({ executables: capacity });
    const { capture } = live;
    capture.start();
    // What is read once, the kernel's names and those of this very process, is not part of the storm.
    const spin = await run(join(directory, "spin"));
    await untilCounted(live, spin);
    await end(spin);
    await capture.conversions.idle();
    await live.name(capture.rotate());
    const churn = await run(join(directory, "churn"), ["2500", "4000"]);
    try {
      const rss: number[] = [];
      const descriptors: number[] = [];
      for (let i = 0; i < 12; i++) {
        await sleep(800);
        await live.name(capture.rotate());
        rss.push(rssMiB());
        descriptors.push(openFiles().length);
        assert.ok(capture.registry.size <= capacity);
      }
      const { seen } = capture.registry;
      context.diagnostic(`${seen} files, ${capture.upkeep.displaced} displaced, ${capture.upkeep.idle} idle`);
      context.diagnostic(`RSS ${rss.map((n) => n.toFixed(0)).join(" ")} MiB; descriptors ${descriptors.join(" ")}`);
      assert.ok(seen > 1500, `${seen} of 2500 files were met`);
      assert.ok(capture.upkeep.displaced > 0);
      assert.deepEqual([...capture.tables.problems], []);
      assert.ok(!capture.registry.problems.has("too-many-executables"));
      assert.ok(Math.max(...descriptors) < 2 * capacity + 60, String(Math.max(...descriptors)));
      assert.ok(rss.at(-1)! < rss[3] * 1.15 + 4, `RSS ${rss.join(" ")}`);
    } finally {
      await end(churn);
      await live.stop();
    }
  });

  it("outlive a kernel that has no memory for a table", async () => {
    let refusals = 0;
    let refuse = true;
    const live = new LiveCapture(
      {},
      withSession((session) => ({
        createTable: (elements) => {
          if (refuse) {
            refusals++;
            throw Object.assign(new Error("create a table: ENOMEM"), { code: "ENOMEM", operation: "create", log: "" });
          }
          return session.createTable(elements);
        },
      })),
    );
    const { capture } = live;
    const child = await run(join(directory, "spin"));
    try {
      capture.start();
      const spin = await when(live, "/spin", "no-rows");
      await sleep(300);
      const first = capture.rotate();
      assert.ok(refusals > 0);
      assert.equal(capture.tables.problems.get("table-refused"), refusals);
      assert.match(capture.tables.lastProblem, /ENOMEM/);
      assert.equal(capture.tables.tables, 0);
      assert.ok(first.total > 200, "by frame pointer, each sample is there");

      refuse = false;
      assert.ok(spin.retryAtMs > performance.now());
      spin.retryAtMs = 1; // as if the minute were over
      await sleep(300);
      capture.rotate();
      assert.equal(await when(live, "/spin", "ready"), spin);
      assert.equal(spin.retryAtMs, 0);
    } finally {
      await end(child);
      await live.stop();
    }
  });

  it("tell once when a window is larger than it may be", async () => {
    let told = 0;
    const live = new LiveCapture({ windowMemoryBytes: 1000 });
    live.capture.onWindowFull = () => told++;
    const child = await run(join(directory, "spin"));
    try {
      live.capture.start();
      await sleep(700);
      assert.equal(told, 1);
      live.capture.rotate();
      await sleep(700);
      assert.equal(told, 2);
    } finally {
      await end(child);
      await live.stop();
    }
  });
});

/** Nothing is mounted there afterwards, in use or not. */
function unmountUnder(directory: string): void {
  const places = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4])
    .filter((place) => place === directory || place?.startsWith(`${directory}/`));
  for (const place of places.reverse()) {
    if (spawnSync("umount", [place]).status !== 0) execFileSync("umount", ["--lazy", place]);
  }
}

/** The real addon, some of whose session's calls are answered otherwise. */
function withSession(change: (session: Session) => Partial<Session>): Native {
  const native = loadNative();
  const { addon } = native;
  return {
    ...native,
    addon: {
      abiFingerprint: addon.abiFingerprint,
      possibleCpus: () => addon.possibleCpus(),
      createSession: (options) => {
        const session = addon.createSession(options);
        const changes = change(session);
        return new Proxy(session, {
          get: (target, name: keyof Session) => {
            const own: unknown = Reflect.get(name in changes ? changes : target, name);
            // The addon's methods want the session itself for a receiver.
            return typeof own === "function" ? (own.bind(target) as unknown) : own;
          },
        });
      },
    } as Native["addon"],
  };
}
