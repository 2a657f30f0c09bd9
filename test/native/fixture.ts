import { execFileSync, spawn, type ChildProcess, type ExecFileSyncOptions } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import path from "node:path";
import { Worker } from "node:worker_threads";
import { limits } from "#src/native/abi.generated.js";
import type { Session, SessionOptions } from "#src/native/addon.js";
import { loadNative } from "#src/native/load.js";

/** The sanitizers' run of these tests (native/test/sanitize.sh) has an addon of its own. */
export const { addon } = loadNative(process.env["HOSTFLAME_TEST_NATIVE"]);

export const needsRoot = {
  skip: process.getuid?.() === 0 ? false : "loading BPF programs needs root",
};

/** Builds native/test/ into a temporary directory, which is removed when the process ends. */
export function buildFixture(): { objectPath: string; drainTest: string } {
  const directory = mkdtempSync(path.join(tmpdir(), "hostflame-native-"));
  process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
  const output = path.join(directory, "out");
  const options = ["-DHOSTFLAME_ADDON=OFF", "-DHOSTFLAME_TESTS=ON", `-DHOSTFLAME_OUTPUT_DIR=${output}`];
  const quiet: ExecFileSyncOptions = { stdio: ["ignore", "ignore", "inherit"] };
  execFileSync("cmake", ["-S", ".", "-B", directory, ...options], quiet);
  execFileSync("cmake", ["--build", directory, "--target", "fixture", "drain_test"], quiet);
  return {
    objectPath: path.join(output, "fixture.bpf.o"),
    drainTest: path.join(output, "drain_test"),
  };
}

export function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

export function u64(value: bigint): Uint8Array {
  return new Uint8Array(BigUint64Array.of(value).buffer);
}

export function fixtureSession(objectPath: string, changes: Partial<SessionOptions> = {}): Session {
  return addon.createSession({
    objectPath,
    mapEntries: {},
    constants: {},
    skipPrograms: ["refused_by_verifier"],
    ...changes,
  });
}

/** A program over this module's functions (`fixture.…`) and `objectPath`, for a process or a worker of its own. */
export function program(objectPath: string, body: string): string {
  return `import * as fixture from ${JSON.stringify(import.meta.url)};
    const objectPath = ${JSON.stringify(objectPath)};\n${body}`;
}

export function startWorker(objectPath: string, body: string): Worker {
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(program(objectPath, body))}`));
}

export function attachEverywhere(session: Session, frequencyHz: number): void {
  for (let cpu = 0; cpu < cpus().length; cpu++) session.attach("tick", cpu, frequencyHz);
}

/** struct counts of fixture.bpf.c, summed over CPUs but for the last three, which are the last CPU's that has any. */
export interface Counts {
  ticks: number;
  submitted: number;
  refused: number;
  discarded: number;
  tailCalled: number;
  tableWord: bigint;
  marker: bigint;
  pid: number;
}

export function readCounts(memory: ArrayBuffer): Counts {
  const words = new BigUint64Array(memory);
  const counts = {
    ticks: 0,
    submitted: 0,
    refused: 0,
    discarded: 0,
    tailCalled: 0,
    tableWord: 0n,
    marker: 0n,
    pid: 0,
  };
  for (let row = 0; row < words.length; row += 8) {
    if (words[row] === 0n) continue;
    counts.ticks += Number(words[row]);
    counts.submitted += Number(words[row + 1]);
    counts.refused += Number(words[row + 2]);
    counts.discarded += Number(words[row + 3]);
    counts.tailCalled += Number(words[row + 4]);
    counts.tableWord = words[row + 5];
    counts.marker = words[row + 6];
    counts.pid = Number(words[row + 7]);
  }
  return counts;
}

/** Follows each CPU's records of fixture.bpf.c through batches: each says its own length and number. */
export class RecordChecker {
  records = 0;
  wrong = 0;
  readonly #next = new Map<number, number>();

  add(batch: Uint8Array, bytes: number): void {
    const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
    let offset = 0;
    while (offset < bytes) {
      const length = view.getUint32(offset, true);
      const cpu = view.getUint32(offset + 8, true);
      const number = Number(view.getBigUint64(offset + 16, true));
      const right =
        view.getUint32(offset + 4, true) === 0 &&
        view.getUint32(offset + 12, true) === length &&
        view.getUint8(offset + 24) === (length > 16 ? number & 0xff : view.getUint8(offset + 24)) &&
        number === (this.#next.get(cpu) ?? 0);
      if (!right) this.wrong++;
      this.#next.set(cpu, number + 1);
      this.records++;
      offset += 8 + Math.ceil(length / 8) * 8;
    }
    if (offset !== bytes) this.wrong++;
  }
}

/**
 * Keeps every CPU out of the idle task, which no tick interrupts, until stopped; for 30 s of its time at most, should a test
 * fail. One process each: timeout(1) around it, ended in its first milliseconds, would leave the other behind.
 */
export function keepCpusBusy(): { stop(): void } {
  const children: ChildProcess[] = cpus().map(() =>
    spawn("sh", ["-c", "ulimit -t 30; while :; do :; done"], { stdio: "ignore" }),
  );
  return { stop: () => children.forEach((child) => child.kill()) };
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Programs of the fixture that the kernel has now, whoever loaded them. */
export function loadedPrograms(): number[] {
  const path = `${process.env["PATH"] ?? ""}:/usr/sbin`;
  const json = execFileSync("bpftool", ["-j", "prog", "list"], {
    encoding: "utf8",
    env: { ...process.env, PATH: path },
  });
  const programs = JSON.parse(json) as { id: number; name?: string }[];
  return programs.filter(({ name }) => name === "second").map(({ id }) => id);
}

export function newPrograms(before: number[]): number {
  return loadedPrograms().filter((id) => !before.includes(id)).length;
}

/** The kernel frees programs a moment after their last descriptor is closed. */
export async function waitForNoProgramBut(before: number[]): Promise<void> {
  for (let i = 0; i < 100; i++) {
    if (newPrograms(before) === 0) return;
    await sleep(20);
  }
  throw new Error("a program stayed loaded");
}

/** Larger than any record of the product or of the fixture. */
export function newBatch(bytes = 4 * limits.maxStackCopy): Uint8Array {
  return new Uint8Array(bytes);
}
