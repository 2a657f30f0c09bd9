/** What V8 itself prints of functions, their bytecodes and their optimized code is what is read out of its memory. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { CodePlaces } from "#src/interpreters/v8/code-places.js";
import { MemoryPages } from "#src/interpreters/memory-pages.js";
import { readCodes } from "#src/interpreters/v8/code-reader.js";
import { cookieOf, codeKind } from "#src/interpreters/v8/frame-word.js";
import { readHead } from "#src/interpreters/v8/function-reader.js";
import { heapLayout } from "#src/interpreters/v8/heap-layout.js";
import { Heap } from "#src/interpreters/v8/heap.js";
import { Isolate } from "#src/interpreters/v8/isolate.js";
import { readOptimizedHead } from "#src/interpreters/v8/optimized.js";
import { ByteLru } from "#src/util/lru.js";
import { NODE_MAJORS, nodeRelease } from "../../support/v8/node-release.js";
import { printFunctions, type PrintedFunction, type PrintedProcess } from "../../support/v8/printed-process.js";

const SOURCE = `
"use strict";
function inner(a) { let t = 0; for (let k = 0; k < 3; k++) t += Math.sqrt(a + k) % 7; return t; }
function outer(n) {
  let s = 0;
  for (let i = 0; i < n; i++) {
    s += inner(i);
    s += i * 3 % 11;
  }
  return s;
}
const holder = {
  method() { return outer(10); },
  arrow: (x) => x + 1,
  größe中(x) { return x; },
};
class Shop {
  static #price = 3;
  get price() { return Shop.#price; }
  *items(n) { for (let i = 0; i < n; i++) yield i * (yield 2); }
  async order(x) { await x; for await (const k of x) k(); }
}
const anonymous = (function () { return function () { return 1; }; })();
function manyLocals() {
  ${Array.from({ length: 90 }, (_, row) => `let v${row} = ${row};`).join(" ")}
  return () => ${Array.from({ length: 90 }, (_, row) => `v${row}++`).join(" + ")};
}
function baseline(a, b) {
  let x = a.b.c(1);
  for (const q of b) {
    if (q > 3) x += q; else { x += ${"a.b.c(1) + ".repeat(120)} 1; }
  }
  try { throw x; } catch (e) { return [...b, e]; } finally { x = 1; }
}
const made = new Function("a", "b", "return a +\\n b");
function main() {
  const target = { b: { c() { return 1; } } };
  holder.method(); holder.arrow(1); holder["größe中"](1); anonymous(); made(1, 2); manyLocals()();
  new Shop().price; [...new Shop().items(3)]; new Shop().order([]).catch(() => 0);
  baseline(target, [1, 2, 4]);
  %CompileBaseline(baseline);
  baseline(target, [1, 2, 4]);
  %PrepareFunctionForOptimization(inner); %PrepareFunctionForOptimization(outer);
  for (let i = 0; i < 100; i++) outer(100);
  %OptimizeFunctionOnNextCall(outer);
  outer(10);
  print(outer); print(holder.method); print(holder.arrow); print(holder["größe中"]);
  print(Object.getOwnPropertyDescriptor(Shop.prototype, "price").get);
  print(Shop.prototype.items); print(Shop.prototype.order); print(anonymous); print(manyLocals()); print(made);
  print(baseline); print(manyLocals);
}
`;
const NAMES = [
  ...["outer", "method", "arrow", "größe中", "get price", "items", "order", "", "", ""],
  ...["baseline", "manyLocals"],
];
/** Made by new Function: V8 does not call it anything. */
const MADE = 9;
/** Compiled beside the program, code may not be there yet when it is printed. */
const PRINTED = [
  ...["--print-bytecode", "--print-opt-code", "--no-enable-lazy-source-positions"],
  "--no-concurrent-recompilation",
];
const TID = 7;

function lineOf(name: string): number {
  return SOURCE.split("\n").findIndex((line) => line.includes(name)) + 1;
}

for (const major of NODE_MAJORS) {
  const release = nodeRelease(major);
  describe(`functions of Node.js ${major}`, { skip: typeof release === "string" ? release : false }, () => {
    if (typeof release === "string") return;
    const layout = heapLayout(release.v8)!;
    const isolate = new Isolate("test", new ByteLru(1 << 20));
    let printed: PrintedProcess;
    before(async () => {
      printed = await printFunctions(release, SOURCE, PRINTED);
    });
    after(() => {
      printed.end();
    });

    const read = async (its: PrintedFunction, kind: number): Promise<CodePlaces> => {
      const heap = new Heap(printed.memory, isolate.maps);
      const isCode = kind === codeKind.turbofan;
      const address = isCode ? its.code! : its.sharedFunctionInfo;
      const optimized = isCode ? await readOptimizedHead(heap, layout, address) : undefined;
      const head = optimized?.head ?? (await readHead(heap, layout, address));
      const cookie = cookieOf({ ...head!, tid: TID, size: optimized?.size ?? 0 });
      const frame = { type: kind, address, cookie, tid: TID };
      const [code] = await readCodes(new MemoryPages(printed.memory), [{ frame, layout, isolate }]);
      if (typeof code === "string") throw new Error(`${code} of ${its.codeKind}`);
      return code;
    };

    it("have their names, their script and the line where their parameters begin", async () => {
      assert.equal(printed.functions.length, NAMES.length);
      for (const [row, its] of printed.functions.entries()) {
        const { whole } = await read(its, codeKind.unknown);
        // The parser infers a name for what is assigned to a property: "holder.arrow".
        assert.equal(whole.name.split(".").at(-1), NAMES[row]);
        if (row === MADE) {
          assert.deepEqual([whole.script, whole.line], ["", 1]);
          continue;
        }
        assert.equal(whole.script, printed.script);
        if (/^\w+$/.test(NAMES[row])) {
          assert.equal(whole.line, lineOf(`${NAMES[row]}(`.replace("arrow(", "arrow:")), NAMES[row]);
        }
      }
    });

    it("have the lines that V8 prints beside their bytecodes", async () => {
      let compared = 0;
      for (const [row, its] of printed.functions.entries()) {
        const expected = bytecodePositions(printed.output, its.sharedFunctionInfo);
        if (expected === undefined || row === MADE) continue;
        const code = await read(its, codeKind.interpreted);
        for (const { offset, character } of expected) {
          assert.deepEqual(placeOf(code, offset), placeOfCharacter(character), `${NAMES[row]} at ${offset}`);
          compared++;
        }
      }
      assert.ok(compared > 100, `${compared} positions`);
    });

    it("have these lines in baseline code, too", async () => {
      const its = printed.functions[NAMES.indexOf("baseline")];
      const expected = bytecodePositions(printed.output, its.sharedFunctionInfo)!;
      const code = await read(its, codeKind.baseline);
      const places = new Set<string>();
      for (let pc = 0; pc < 1 << 16; pc++) places.add(placeOf(code, pc).join(":"));
      // Some bytecodes have no machine code: what follows them is at the same instruction.
      const found = expected.filter(({ character }) => places.has(placeOfCharacter(character).join(":"))).length;
      assert.ok(found > 0.97 * expected.length, `${found} of ${expected.length}`);
      assert.ok(places.size > 100, `${places.size} places`);
    });

    it("have the lines that V8 prints beside their optimized code, and what was inlined", async () => {
      const its = printed.functions[NAMES.indexOf("outer")];
      assert.match(its.codeKind, /^TURBOFAN/);
      const code = await read(its, codeKind.turbofan);
      const positions = optimizedPositions(printed.output);
      for (const [row, { offset, character }] of positions.entries()) {
        // Of several at one instruction the last one holds.
        if (positions[row + 1]?.offset === offset) continue;
        assert.deepEqual(placeOf(code, offset), placeOfCharacter(character), `at ${offset}`);
      }
      const chains = positions.map(({ offset }) =>
        code
          .at(offset)
          .map((place) => place.function.name)
          .join(" < "),
      );
      assert.ok(positions.length > 10 && chains.includes("outer"), chains.join("; "));
      assert.ok(chains.includes("inner < outer"), chains.join("; "));
    });
  });
}

function placeOf(code: CodePlaces, offset: number): number[] {
  const [{ line, column }] = code.at(offset);
  return [line, column];
}

function placeOfCharacter(character: number): number[] {
  const before = SOURCE.slice(0, character);
  return [before.split("\n").length, character - before.lastIndexOf("\n")];
}

/** What --print-opt-code says of the last optimized code of `outer`: "        1f       187", in hexadecimal and decimal. */
function optimizedPositions(output: string): BytecodePosition[] {
  const from = output.indexOf("Source positions:", output.lastIndexOf("\nname = outer"));
  const text = output.slice(from, output.indexOf("Inlined functions", from));
  return Array.from(text.matchAll(/^ +([0-9a-f]+) +(\d+)(?: |$)/gm), ([, offset, character]) => ({
    offset: parseInt(offset, 16),
    character: Number(character),
  }));
}

interface BytecodePosition {
  readonly offset: number;
  readonly character: number;
}

/** What --print-bytecode says of the function: "   29 S> 0xb3c57830218 @    0 : 33 03 00 00". */
function bytecodePositions(output: string, sharedFunctionInfo: number): BytecodePosition[] | undefined {
  const head = `(0x${(sharedFunctionInfo + 1).toString(16).padStart(12, "0")} <SharedFunctionInfo`;
  const from = output.indexOf(head);
  if (from < 0) return undefined;
  const text = output.slice(from, output.indexOf("Constant pool", from));
  // "s>" is a statement at which nobody can break.
  return Array.from(text.matchAll(/^ *(\d+) [ESs]> +0x[0-9a-f]+ @ +(\d+) :/gm), ([, character, offset]) => ({
    character: Number(character),
    offset: Number(offset),
  }));
}
