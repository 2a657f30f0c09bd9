import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import ts from "typescript";

/**
 * Where each folder of src/ stands. A file imports from floors below and from its own folder; from a folder on its own
 * floor only where its README.md says `May import: that`.
 */
const FLOORS: Readonly<Record<string, number>> = {
  model: 0,
  util: 0,
  native: 1,
  elf: 1,
  zstd: 1,
  xz: 1,
  dwarf: 1,
  gopclntab: 1,
  debuginfo: 1,
  protobuf: 1,
  grpc: 1,
  schedule: 1,
  unwind: 2,
  capture: 2,
  executables: 2,
  debugfiles: 2,
  host: 2,
  naming: 2,
  budget: 2,
  debuginfod: 2,
  symbols: 2,
  jit: 2,
  interpreters: 2,
  "source-maps": 2,
  profiles: 2,
  flamegraph: 2,
  processes: 2,
  containers: 2,
  kubernetes: 2,
  labels: 2,
  exporters: 2,
  delivery: 2,
  metrics: 2,
  http: 2,
  logging: 2,
  // What the agent alone is made of.
  agent: 3,
  // The composition roots: files of src/ itself.
  ".": 4,
  cli: 5,
  "main.ts": 6,
};
const README_LINES = 40;
const FILE_LINES = 500;
const TEST_LINES = 600;
const BPF_LICENCE = "SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0";

const sources = filesUnder("src", /\.ts$/);
const imports = new Map(sources.map((file) => [file, importsOf(file)]));

describe("imports", () => {
  it("go to floors below, or to a sibling that the README names", () => {
    const wrong = sources.flatMap((file) =>
      localImports(file)
        .filter((target) => !mayImport(roomOf(file), roomOf(target)))
        .map((target) => `${file} imports ${target}`),
    );
    assert.deepEqual(wrong, []);
  });

  it("name only folders that stand on a floor", () => {
    const rooms = new Set(sources.map(roomOf));
    assert.deepEqual(
      [...rooms].filter((room) => !(room in FLOORS)),
      [],
      "give each new folder of src/ its floor, in FLOORS of this test and in ARCHITECTURE.md",
    );
  });

  it("form no cycle among files, but where the README says that two call each other", () => {
    assert.deepEqual(findCycle(), []);
  });

  it("of packages are only of those that package.json has as dependencies", () => {
    const { dependencies } = JSON.parse(readFileSync("package.json", "utf8")) as {
      dependencies: Record<string, string>;
    };
    const wrong = sources.flatMap((file) =>
      (imports.get(file) ?? [])
        .filter((name) => !name.startsWith(".") && !name.startsWith("node:"))
        .filter((name) => !isViewerSource(file) && !(packageOf(name) in dependencies))
        .map((name) => `${file} imports ${name}`),
    );
    assert.deepEqual(wrong, []);
  });
});

describe("rooms", () => {
  it("have a README of at most 40 lines", () => {
    const wrong = [...new Set(sources.map(roomOf))]
      .filter((room) => room !== "." && room !== "main.ts")
      .filter((room) => {
        const readme = `src/${room}/README.md`;
        return !existsSync(readme) || lineCount(readme) > README_LINES;
      });
    assert.deepEqual(wrong, []);
  });

  it("have files that one reads at a sitting, or that say at their top why they are longer", () => {
    const files = [
      ...sources,
      ...filesUnder("test", /\.ts$/),
      ...filesUnder("bpf", /\.[ch]$/),
      ...filesUnder("native", /\.(cc|h)$/),
      ...filesUnder("scripts", /\.mjs$/),
    ];
    const wrong = files.filter((file) => {
      const limit = file.startsWith("test") ? TEST_LINES : FILE_LINES;
      return !file.includes(".generated.") && lineCount(file) > limit && !/\blong because\b/.test(head(file));
    });
    assert.deepEqual(wrong, []);
  });
});

describe("C and C++", () => {
  it("include nothing of TypeScript's, and BPF nothing of the addon's", () => {
    const wrong = [...filesUnder("bpf", /\.[ch]$/), ...filesUnder("native", /\.(cc|h|c)$/)].flatMap((file) =>
      [...readFileSync(file, "utf8").matchAll(/^#include "([^"]+)"/gm)]
        .map(([, target]) => target)
        .filter((target) => /(^|\/)src\//.test(target) || (file.startsWith("bpf/") && target.includes("native/")))
        .map((target) => `${file} includes ${target}`),
    );
    assert.deepEqual(wrong, []);
  });

  it("of the kernel's side is offered under the kernel's licence as well", () => {
    const wrong = filesUnder("bpf", /\.[ch]$/).filter((file) => !head(file).includes(BPF_LICENCE));
    assert.deepEqual(wrong, []);
  });
});

function mayImport(from: string, to: string): boolean {
  const floor = FLOORS[from] ?? -1;
  const target = FLOORS[to] ?? Number.POSITIVE_INFINITY;
  return from === to || target < floor || (target === floor && namedSiblings(from).includes(to));
}

/** The folders in the line `May import: x, y` of a folder's README. */
function namedSiblings(room: string): readonly string[] {
  return namesInReadme(room, "May import");
}

/** A grammar that refers to itself is read by files that call each other: `Call each other: names, expressions`. */
function mayCallEachOther(cycle: readonly string[]): boolean {
  const named = namesInReadme(roomOf(cycle[0]), "Call each other");
  return cycle.every((file) => named.includes(path.basename(file, ".ts")));
}

function namesInReadme(room: string, label: string): readonly string[] {
  const readme = `src/${room}/README.md`;
  if (!existsSync(readme)) return [];
  const line = new RegExp(`^${label}: (.+)$`, "m").exec(readFileSync(readme, "utf8"))?.[1];
  return line?.match(/[a-z][a-z0-9-]*/g) ?? [];
}

/** "elf" of src/elf/notes/build-id.ts, "." of src/record.ts, "main.ts" of src/main.ts. */
function roomOf(file: string): string {
  const [, first = "", ...rest] = file.split("/");
  if (rest.length > 0) return first;
  return first === "main.ts" ? first : ".";
}

function importsOf(file: string): readonly string[] {
  return ts.preProcessFile(readFileSync(file, "utf8"), true, true).importedFiles.map(({ fileName }) => fileName);
}

function localImports(file: string): readonly string[] {
  return (imports.get(file) ?? [])
    .filter((name) => name.startsWith("."))
    .map((name) => path.join(path.dirname(file), name).replace(/\.js$/, ".ts"));
}

function packageOf(name: string): string {
  return name
    .split("/")
    .slice(0, name.startsWith("@") ? 2 : 1)
    .join("/");
}

/** The flame graph's page is bundled: its packages are needed to build and not to run. */
function isViewerSource(file: string): boolean {
  return file.startsWith("src/flamegraph/viewer/");
}

/** One cycle of files, or nothing. */
function findCycle(): readonly string[] {
  const done = new Set<string>();
  const visit = (file: string, trail: readonly string[]): readonly string[] => {
    if (trail.includes(file)) {
      const cycle = [...trail.slice(trail.indexOf(file)), file];
      return mayCallEachOther(cycle) ? [] : cycle;
    }
    if (done.has(file)) return [];
    for (const target of localImports(file)) {
      const cycle = visit(target, [...trail, file]);
      if (cycle.length > 0) return cycle;
    }
    done.add(file);
    return [];
  };
  for (const file of sources) {
    const cycle = visit(file, []);
    if (cycle.length > 0) return cycle;
  }
  return [];
}

function filesUnder(folder: string, pattern: RegExp): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => pattern.test(name))
    .map((name) => path.join(folder, name))
    .filter((file) => statSync(file).isFile())
    .sort();
}

function lineCount(file: string): number {
  return readFileSync(file, "utf8").split("\n").length - 1;
}

function head(file: string): string {
  return readFileSync(file, "utf8").split("\n", 12).join("\n");
}
