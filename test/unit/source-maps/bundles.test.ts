import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Session } from "node:inspector";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import ts from "typescript";
import { loadNative } from "#src/native/load.js";
import { SourceMapReader } from "#src/source-maps/answer.js";
import { hasCharacters } from "#src/source-maps/script-text.js";
import { SourceMaps } from "#src/source-maps/source-maps.js";
import { startTimeNs } from "../../support/proc.js";
import { bundleShop, compileShop, stackPlaces, type BuiltShop } from "../../support/source-maps/shop.js";

const directory = mkdtempSync(join(tmpdir(), "hostflame-bundles-"));
after(() => rmSync(directory, { recursive: true }));
const folder = (): string => mkdtempSync(join(directory, "shop-"));
const skip = process.getuid?.() === 0 ? false : "needs root";
const self = { pid: process.pid, startTimeNs: startTimeNs(process.pid) };

function openMaps(): SourceMaps {
  const reader = new SourceMapReader(loadNative().addon.withPath);
  return new SourceMaps({
    answer: (request) => Promise.resolve(reader.answer(request)),
    memoryBytes: 1 << 20,
    readBytesPerSecond: 1 << 20,
    readBurstBytes: 64 << 20,
  });
}

/** Every frame of the program's stacks leads to where Node.js itself says that it comes from. */
async function agrees({ script, sources }: BuiltShop): Promise<void> {
  const running = stackPlaces(script);
  const told = stackPlaces(script, ["--enable-source-maps"]);
  assert.ok(running.length >= 15 && running.length === told.length, `${running.length} frames, ${told.length}`);
  const maps = openMaps();
  try {
    for (const [row, { script: name, line, column }] of running.entries()) {
      const points = { lines: Uint32Array.of(line), columns: Uint32Array.of(column) };
      const [place] = await maps.places({ process: self, script: pathToFileURL(name).href, ...points });
      assert.ok(
        place !== undefined,
        `${name}:${line}:${column}: ${JSON.stringify([...maps.missing, ...maps.outcomes])}`,
      );
      assert.deepEqual([place.file, place.line, place.column], [told[row].script, told[row].line, told[row].column]);
      assert.ok(place.file.startsWith(sources));
    }
    assert.equal(maps.placed, running.length);
  } finally {
    maps.close();
  }
}

describe("stacks of what bundlers make", { skip }, () => {
  it("of esbuild, one file", () => agrees(bundleShop(folder(), {})));
  it("of esbuild, minified to one line", () => agrees(bundleShop(folder(), { minify: true })));
  it("of esbuild, minified by whitespace only", () => agrees(bundleShop(folder(), { minifyWhitespace: true })));
  it("of esbuild, the map in the script", () => agrees(bundleShop(folder(), { sourcemap: "inline", minify: true })));
  it("of esbuild, with a root of sources", () => {
    const place = folder();
    return agrees(bundleShop(place, { sourceRoot: `file://${place}/dist/`, minify: true }));
  });
  it("of TypeScript's compiler, file by file", () => agrees(compileShop(folder(), {})));
  it("of TypeScript's compiler, for an old engine", () =>
    agrees(compileShop(folder(), { target: ts.ScriptTarget.ES2015 })));

  it("of an index of sections, as a chain of tools makes it", () => {
    const built = bundleShop(folder(), { minify: false });
    const map = JSON.parse(readFileSync(`${built.script}.map`, "utf8")) as { sources: string[] };
    map.sources = map.sources.map((source) => join(built.script, "..", source));
    // A line was put before: a section of nothing, and the rest in one that begins after it.
    const banner = "/* a banner that another tool put before the bundle */\n";
    const empty = { version: 3, sources: [], names: [], mappings: "" };
    // Node.js wants sources in the index, and takes those of sections as they are.
    const sections = [
      { offset: { line: 0, column: 0 }, map: empty },
      { offset: { line: 1, column: 0 }, map },
    ];
    writeFileSync(built.script, banner + readFileSync(built.script, "utf8"));
    writeFileSync(`${built.script}.map`, JSON.stringify({ version: 3, sources: [], sections }));
    return agrees(built);
  });

  it("of esbuild, the map beside a script that does not say so", async () => {
    const built = bundleShop(folder(), { sourcemap: "external", minify: true });
    const [{ line, column }] = stackPlaces(built.script);
    const maps = openMaps();
    const points = { lines: Uint32Array.of(line), columns: Uint32Array.of(column) };
    const [place] = await maps.places({ process: self, script: built.script, ...points });
    maps.close();
    assert.equal(place?.file, join(built.sources, "deep/price.ts"));
  });
});

describe("names of minified functions", { skip }, () => {
  it("are those of their source, at the place that V8 says a function has", async () => {
    const built = bundleShop(folder(), { minify: true, target: "es2022" });
    const url = pathToFileURL(built.script).href;
    const { allFunctions } = (await import(url)) as { allFunctions: Record<string, () => void> };
    const maps = openMaps();
    const names: string[] = [];
    for (const [name, fn] of Object.entries(allFunctions)) {
      assert.notEqual(fn.name, name);
      const { line, column } = startOf(fn);
      const points = { lines: Uint32Array.of(line), columns: Uint32Array.of(column) };
      const [place] = await maps.places({ process: self, script: url, ...points });
      names.push(place!.name);
    }
    maps.close();
    assert.deepEqual(names, ["stackOf", "countDiscounts", "lateFailure", "eachDiscount"]);
  });
});

describe("the length of a script", () => {
  it("is what V8 says of the source that it runs", async () => {
    const text = "export const a = 'ü\u{1f6d2}';\n";
    const common = text.replace("export const", "exports.b = 1; const");
    const files = Object.entries({
      ...{
        "plain.mjs": "export const a = 1;\n",
        "wide.mjs": text,
        "mark.mjs": `\ufeff${text}`,
        "hash.mjs": `#!/bin/x\n${text}`,
      },
      ...{
        "plain.cjs": "exports.a = 1;\r\n",
        "wide.cjs": common,
        "mark.cjs": `\ufeff${common}`,
        "hash.cjs": `#!/bin/x\n${common}`,
      },
    });
    const place = folder();
    const lengths = new Map<string, number>();
    const session = new Session();
    session.connect();
    session.on("Debugger.scriptParsed", ({ params: { url, length } }) => lengths.set(url, length ?? -1));
    session.post("Debugger.enable");
    for (const [name, content] of files) {
      const path = join(place, name);
      writeFileSync(path, content);
      await import(pathToFileURL(path).href);
    }
    session.disconnect();
    for (const [name, content] of files) {
      const path = join(place, name);
      const length = lengths.get(pathToFileURL(path).href) ?? lengths.get(path) ?? -1;
      const file = Buffer.from(content);
      assert.ok(hasCharacters(file, length), `${name}: ${length}`);
      assert.ok(!hasCharacters(file, length - 1) || name === "mark.cjs");
      assert.ok(!hasCharacters(file, length + 2));
    }
  });
});

/** Where V8 says that a function begins: its parameters; from 1. */
function startOf(fn: () => void): { line: number; column: number } {
  const session = new Session();
  session.connect();
  const holder = globalThis as unknown as { askedFunction?: () => void };
  holder.askedFunction = fn;
  const place = { line: 0, column: 0 };
  session.post("Runtime.evaluate", { expression: "askedFunction" }, (_, { result }) => {
    session.post("Runtime.getProperties", { objectId: result.objectId! }, (__, { internalProperties }) => {
      const location = internalProperties?.find(({ name }) => name === "[[FunctionLocation]]")?.value;
      const { lineNumber, columnNumber } = location?.value as { lineNumber: number; columnNumber: number };
      place.line = lineNumber + 1;
      place.column = columnNumber + 1;
    });
  });
  delete holder.askedFunction;
  session.disconnect();
  return place;
}
