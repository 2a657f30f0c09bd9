import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { FileSource } from "#src/elf/byte-source.js";
import { isRefusal } from "#src/elf/elf-file.js";
import { parseElf } from "#src/elf/parser.js";
import { type GoFrame, type GoTable, openGoTable } from "#src/gopclntab/go-table.js";
import { goToolchain, type GoToolchain } from "../../support/go-toolchain.js";

/** Each layout of the table, both ways of laying out frames, and the newest. */
const RELEASES = ["go1.16.15", "go1.18.10", "go1.20.14", "go1.22.12", "local"];
const ADDRESSES = 3000;
const SEED = 20_211_121;

interface Program {
  readonly file: string;
  readonly table: GoTable;
  /** ELF address of main.main. */
  readonly main: number;
  readonly addresses: readonly number[];
  close(): void;
}

for (const release of RELEASES) {
  describe(`names of ${release === "local" ? "the Go that is here" : release}`, () => {
    const folder = mkdtempSync(path.join(tmpdir(), "hostflame-go-names-"));
    let go: GoToolchain | string = "not asked for yet";
    before(() => {
      go = goToolchain(release);
    });
    after(() => rmSync(folder, { recursive: true, force: true }));

    function build(context: TestContext, name: string, ...flags: readonly string[]): Program | undefined {
      if (typeof go === "string") {
        context.skip(go);
        return undefined;
      }
      const file = path.join(folder, name);
      go.run(["build", ...flags, "-o", file, "."], { folder: "test/fixtures/go-names" });
      const program = openProgram(file);
      context.after(() => {
        program.close();
      });
      return program;
    }

    it("are those of go tool addr2line, at every address", (context) => {
      const program = build(context, "plain");
      if (program === undefined || typeof go === "string") return;
      const input = program.addresses.map((address) => `0x${address.toString(16)}\n`).join("");
      const told = go.run(["tool", "addr2line", program.file], { input }).trim().split("\n");
      const ours = program.addresses.flatMap((address) => {
        const frames = program.table.framesAt(address).frames;
        return [frames.at(-1)?.function ?? "?", place(frames[0])];
      });
      assert.deepEqual(differences(told, ours), []);
    });

    it("are those of the runtime itself, in a stripped program that can be loaded anywhere", (context) => {
      const program = build(context, "stripped", "-buildmode=pie", "-ldflags=-s -w");
      if (program === undefined) return;
      const input = program.addresses.map((address) => `${hex(address - program.main)}\n`).join("");
      const told = execFileSync(program.file, [], { input, encoding: "utf8", maxBuffer: 2 ** 26 })
        .trim()
        .split("\n");
      const ours = program.addresses.map((address, index) => {
        const [frame] = program.table.framesAt(address).frames;
        // To the runtime the first name of all, at 0, is none.
        if (told[index].startsWith("|")) return `|${place(frame)}`;
        const isShort = told[index].includes("[...]");
        return `${isShort ? shortened(frame.function) : frame.function}|${place(frame)}`;
      });
      assert.ok(told.filter((line) => line.startsWith("|")).length < 10);
      assert.deepEqual(differences(told, ours), []);
    });

    it("tell what was inlined as the program's DWARF does", (context) => {
      const program = build(context, "inlined");
      if (program === undefined) return;
      const chainOf = (address: number) =>
        program.table.framesAt(address).frames.map(({ function: name }) => plainName(name));
      // Of the innermost binutils tells the name of the symbol around it: that one the runtime was asked for.
      const callers = (chain: readonly string[]) => chain.slice(1).join(" < ");
      const chains = dwarfChains(program);
      if (chains.every((chain) => chain.length < 2)) {
        context.skip("this addr2line reads no inlined functions in this program's DWARF");
        return;
      }
      const inlined = program.addresses.filter((address) => program.table.framesAt(address).frames.length > 1);
      assert.ok(inlined.length > ADDRESSES / 20, `${inlined.length} addresses with inlined functions`);
      const different = program.addresses.flatMap((address, index) => {
        const [ours, told] = [callers(chainOf(address)), callers(chains[index])];
        return ours === told ? [] : [`${hex(address)}: ${told} ≠ ${ours}`];
      });
      context.diagnostic(`${inlined.length} of ${ADDRESSES} inlined; ${different.length} told in another way`);
      // The compiler gives an instruction between two inlined calls to either; the two tables need not agree on it.
      assert.ok(different.length <= ADDRESSES / 100, different.slice(0, 10).join("\n"));
    });
  });
}

function openProgram(file: string): Program {
  const fd = openSync(file, "r");
  const elf = parseElf(new FileSource(fd, fstatSync(fd).size));
  assert.ok(!isRefusal(elf));
  const table = openGoTable(elf);
  assert.ok(table !== undefined && !isRefusal(table), JSON.stringify(table));
  const functions = [...table.functions()];
  const main = functions.find(({ name }) => name() === "main.main")?.start ?? 0;
  const random = randomOf(SEED);
  const addresses = Array.from({ length: ADDRESSES }, () => {
    const { start, stackSteps } = functions[Math.floor(random() * functions.length)];
    // Behind its last instruction is what aligns the next function.
    return start + Math.floor(random() * (stackSteps().at(-1)?.limit ?? 1));
  });
  return {
    file,
    table,
    main,
    addresses,
    close: () => {
      closeSync(fd);
    },
  };
}

/** Functions by address, innermost first, as binutils reads them in the program's DWARF. */
function dwarfChains({ file, addresses }: Program): readonly (readonly string[])[] {
  const input = addresses.map((address) => `0x${address.toString(16)}\n`).join("");
  const text = execFileSync("addr2line", ["-a", "-f", "-i", "-e", file], {
    input,
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  return text
    .split(/^0x[0-9a-f]{16}\n/m)
    .slice(1)
    .map((block) =>
      block
        .split("\n")
        .filter((line, index) => index % 2 === 0 && line !== "")
        .map(plainName),
    );
}

/** The calling convention is part of a symbol's name, and of a DWARF name not always. */
function plainName(name: string): string {
  return name.replace(/\.abi(0|internal)$/, "");
}

/** The runtime leaves types out of names of generic functions (runtime/symtab.go, funcNameForPrint). */
function shortened(name: string): string {
  return name.replace(/\[.*\]/, "[...]");
}

function place({ file, line }: GoFrame): string {
  return `${file === "" ? "?" : file}:${line}`;
}

function hex(value: number): string {
  return value < 0 ? `-${(-value).toString(16)}` : value.toString(16);
}

function differences(told: readonly string[], ours: readonly string[]): readonly string[] {
  assert.equal(told.length, ours.length);
  return told.flatMap((text, index) => (text === ours[index] ? [] : [`${text} ≠ ${ours[index]}`])).slice(0, 20);
}

/** Marsaglia's xorshift: the same addresses in every run. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
