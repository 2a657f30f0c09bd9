import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { FileSource } from "#src/elf/byte-source.js";
import { isRefusal, toElfAddress } from "#src/elf/elf-file.js";
import { parseElf } from "#src/elf/parser.js";
import { convert } from "#src/unwind/convert.js";
import { lookupRow, ruleOf, viewTable } from "#src/unwind/lookup.js";
import { measure, write } from "#src/unwind/pages.js";
import { emptyRule, MAX_RULES, RULE_BYTES, RULE_NONE, RULE_WORDS, unpackRule } from "#src/unwind/rule.js";
import { RuleTable } from "#src/unwind/rules.js";
import { lookupAddress, type Registers, type StackMemory, step } from "#src/unwind/step.js";

/*
 * The whole way without a kernel program: files are converted, put in tables and looked up as BPF does it, and a process
 * that sleeps in a system call is walked through /proc/PID/mem. /proc/PID/syscall gives its ip and sp.
 */

const PROGRAM = `
#include <alloca.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#define NOINLINE __attribute__((noinline, noclone))
volatile int sink;
NOINLINE void in_handler(void) { char line[300]; line[sink] = 1; pause(); sink = line[0]; }
NOINLINE void on_signal(int s) { in_handler(); sink = s; }
NOINLINE int with_alloca(int n) { volatile char *p = alloca(n); p[0] = 1; raise(SIGUSR1); return p[0]; }
NOINLINE int recurse(int n) { int r = n ? recurse(n - 1) : with_alloca(200); sink += r; return r + 1; }
NOINLINE int compare(const void *a, const void *b) { (void)a, (void)b; recurse(60); return 0; }
NOINLINE int sorts(void) { int v[2] = {2, 1}; qsort(v, 2, sizeof(int), compare); return v[0]; }
int main(void) { signal(SIGUSR1, on_signal); return sorts() + sink; }
`;

const directory = mkdtempSync(join(tmpdir(), "hostflame-walk-"));
after(() => rmSync(directory, { recursive: true }));

interface Mapping {
  readonly start: number;
  readonly end: number;
  readonly fileOffset: number;
  readonly path: string;
}

function mappingsOf(pid: number): Mapping[] {
  return readFileSync(`/proc/${pid}/maps`, "utf8")
    .split("\n")
    .flatMap((line) => {
      const match = /^([0-9a-f]+)-([0-9a-f]+) ..x. ([0-9a-f]+) \S+ \d+ +(\/\S+)/.exec(line);
      return match
        ? [
            {
              start: parseInt(match[1], 16),
              end: parseInt(match[2], 16),
              fileOffset: parseInt(match[3], 16),
              path: match[4],
            },
          ]
        : [];
    });
}

/** A file's table and symbols, and the rules of all files. */
class Files {
  readonly #memory = new Uint8Array(MAX_RULES * RULE_BYTES);
  readonly #rules = new RuleTable(this.#memory);
  readonly #words = new Uint32Array(this.#memory.buffer);
  readonly #files = new Map<string, { rowAt: (offset: number) => number; nameAt: (offset: number) => string }>();

  rule(number: number) {
    return unpackRule(this.#words, number * RULE_WORDS, emptyRule());
  }

  get(path: string) {
    const known = this.#files.get(path);
    if (known) return known;
    const fd = openSync(path, "r");
    const source = new FileSource(fd, fstatSync(fd).size);
    const { rows } = convert(source);
    const elf = parseElf(source);
    assert.ok(!isRefusal(elf));
    closeSync(fd);
    let rowAt: (offset: number) => number = () => RULE_NONE;
    if (rows) {
      const extent = measure(rows);
      const memory = new ArrayBuffer(extent.elements * 8);
      write(rows, extent, this.#rules.acquire(rows.rules), memory);
      const view = viewTable(memory, extent);
      rowAt = (offset) => lookupRow(view, offset);
    }
    const listed = [path.includes("libc") ? "-D" : "-a"].flatMap((kind) =>
      execFileSync("nm", [kind, "-n", "--defined-only", path.replace(STRIPPED, "")], { encoding: "utf8" }).split("\n"),
    );
    const symbols = listed.flatMap((line) => {
      const match = /^([0-9a-f]+) [tTwWi] ([^@]+)/.exec(line);
      return match ? [{ address: parseInt(match[1], 16), name: match[2] }] : [];
    });
    const nameAt = (offset: number) =>
      symbols.findLast(({ address }) => address <= (toElfAddress(elf, offset) ?? -1))?.name ?? "?";
    const file = { rowAt, nameAt };
    this.#files.set(path, file);
    return file;
  }
}

function readProcess(pid: number): StackMemory & { close(): void } {
  const fd = openSync(`/proc/${pid}/mem`, "r");
  const word = (address: number) => {
    const bytes = Buffer.alloc(8);
    try {
      if (!(address >= 0 && address < 2 ** 47) || readSync(fd, bytes, 0, 8, address) !== 8) return undefined;
    } catch {
      return undefined;
    }
    return Number(bytes.readBigUInt64LE());
  };
  return { word, low48: word, close: () => closeSync(fd) };
}

async function walk(program: string): Promise<{ names: string[]; outcome: string }> {
  const child = spawn(program, { stdio: "ignore" });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const pid = child.pid ?? 0;
  try {
    // Until it is in pause (34); before that it runs, or maps libraries.
    let state: string[] = [];
    for (let i = 0; i < 500 && state[0] !== "34"; i++) {
      await sleep(10);
      state = readFileSync(`/proc/${pid}/syscall`, "utf8").trim().split(" ");
    }
    const registers: Registers = {
      ip: Number(state.at(-1)),
      sp: Number(state.at(-2)),
      fp: 0,
      bx: 0,
      lr: 0,
      leaf: new Float64Array(17),
      leafValid: true,
      returnAddress: true,
    };
    const memory = readProcess(pid);
    const mappings = mappingsOf(pid);
    const files = new Files();
    const names: string[] = [];
    for (let frame = 0; frame < 200; frame++) {
      const address = lookupAddress(registers);
      const mapping = mappings.find(({ start, end }) => address >= start && address < end);
      if (!mapping) return { names, outcome: "no-mapping" };
      const offset = address - mapping.start + mapping.fileOffset;
      const file = files.get(mapping.path);
      names.push(file.nameAt(offset));
      const match = file.rowAt(offset);
      const outcome = step("x86-64", registers, match, files.rule(ruleOf(match)), memory);
      if (outcome) {
        memory.close();
        return { names, outcome };
      }
    }
    return { names, outcome: "too-deep" };
  } finally {
    child.kill("SIGKILL");
    await exited;
  }
}

const STRIPPED = /-stripped$/;

function stripSectionHeaders(program: string): string {
  const image = readFileSync(program);
  image.fill(0, 40, 48);
  image.fill(0, 58, 64);
  writeFileSync(`${program}-stripped`, image, { mode: 0o755 });
  return `${program}-stripped`;
}

/** The names that the program's source has, in order. */
const KNOWN = [
  "in_handler",
  "on_signal",
  "raise",
  "with_alloca",
  "recurse",
  "compare",
  "qsort",
  "qsort_r",
  "sorts",
  "main",
  "_start",
];

describe("walking a sleeping process", () => {
  const variants: [string, string[]][] = [
    ["dynamic, position independent", ["-O2", "-fomit-frame-pointer"]],
    ["dynamic, fixed addresses, lazy binding", ["-O2", "-fomit-frame-pointer", "-no-pie", "-Wl,-z,lazy"]],
    ["without section headers", ["-O2", "-fomit-frame-pointer"]],
    ["static", ["-O2", "-fomit-frame-pointer", "-static"]],
    [
      "call frame information in .debug_frame only",
      ["-O2", "-g", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables"],
    ],
  ];
  for (const [name, flags] of variants) {
    it(name, async () => {
      const source = join(directory, "walk.c");
      const program = join(directory, `walk-${name.replaceAll(/[^a-z]+/g, "-")}`);
      writeFileSync(source, PROGRAM);
      execFileSync("gcc", [...flags, "-fno-optimize-sibling-calls", "-o", program, source], { stdio: "pipe" });
      const { names, outcome } = await walk(
        name === "without section headers" ? stripSectionHeaders(program) : program,
      );
      assert.equal(outcome, "complete", names.join(" "));
      const known = names.filter((frame) => KNOWN.includes(frame) && !frame.startsWith("qsort"));
      assert.deepEqual(known, [
        "in_handler",
        "on_signal",
        ...known.filter((frame) => frame === "raise"),
        "with_alloca",
        ...new Array<string>(61).fill("recurse"),
        "compare",
        "sorts",
        "main",
        "_start",
      ]);
    });
  }
});
