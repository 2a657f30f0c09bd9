/** Names of JavaScript functions: as V8's own profiler says them, and by source maps as the sources do. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { buildSync } from "esbuild";
import { readPprofGzip } from "#src/profiles/read-pprof.js";
import type { Profile } from "#src/model/profile.js";
import { cannotRecord, recordWhile } from "../support/record.js";
import { nodeRelease, type NodeMajor } from "../support/v8/node-release.js";

const run = promisify(execFile);
const MAJORS: readonly NodeMajor[] = [18, 22, 26];
/** The unwind rows of a binary of 100 MB are made meanwhile. */
const WARM_UP_MS = Number(process.env["TRUTH_WARM_UP_MS"] ?? 10_000);
const DURATION_MS = 4000;
const JUDGED = "judged";

/** Arguments: milliseconds of the warm-up, and of what is judged. */
const MODULE = `
const [warmUpMs, durationMs] = process.argv.slice(2).map(Number);
const spin = (n) => { let t = 0; for (let k = 0; k < n; k++) t += Math.sqrt(k + t) % 7; return t; };
class Shop {
  #prices = Array.from({ length: 500 }, (_, row) => (row * 7919) % 500);
  get sorted() { return [...this.#prices].sort((a, b) => a - b); }
  *items(n) { for (let i = 0; i < n; i++) yield spin(i); }
  async order(n) {
    let t = 0;
    for (const item of this.items(n)) t += item;
    await null;
    return t + this.sorted.length;
  }
}
function parse(n) { return JSON.parse(JSON.stringify(Array.from({ length: n }, (_, row) => ({ row })))).length; }
function words(text) { return text.replace(/[a-z]+/g, (word) => word.toUpperCase()).length; }
const warmUp = Date.now() + warmUpMs;
while (Date.now() < warmUp) spin(1000);
const shop = new Shop();
let sink = 0;
process.title = ${JSON.stringify(JUDGED)};
const end = Date.now() + durationMs;
while (Date.now() < end) {
  sink += await shop.order(300);
  sink += parse(200) + words("some words of a text ".repeat(50));
}
`;

const TYPESCRIPT = {
  "main.ts": `
import { total } from "./price.js";
const [warmUpMs, durationMs] = process.argv.slice(2).map(Number);
const warmUp = Date.now() + warmUpMs;
while (Date.now() < warmUp) total(1000);
process.title = ${JSON.stringify(JUDGED)};
const end = Date.now() + durationMs;
let sum = 0;
while (Date.now() < end) sum += total(20000);
`,
  "price.ts": `
interface Item { readonly amount: number }

export function total(count: number): number {
  let sum = 0;
  for (let row = 0; row < count; row++) {
    sum += priceOf({ amount: row + sum });
  }
  return sum;
}

function priceOf(item: Item): number {
  let price = 0;
  for (let k = 0; k < 10; k++) {
    price += Math.sqrt(item.amount + k) % 7;
  }
  return price;
}
`,
};

interface Frame {
  readonly name: string;
  readonly file: string;
  readonly startLine: number;
  readonly line: number;
}

for (const major of MAJORS) {
  const release = nodeRelease(major);
  const skip = cannotRecord() ?? (typeof release === "string" ? release : false);
  describe(`names in Node.js ${major}`, { skip }, () => {
    if (typeof release === "string") return;
    const directory = mkdtempSync(join(tmpdir(), "hostflame-node-names-"));
    after(() => {
      rmSync(directory, { recursive: true });
    });
    const record = async (...args: readonly string[]): Promise<Profile> => {
      const { profile } = await recordWhile({ frequency: 199 }, async () => {
        await run(release.path, [...args, String(WARM_UP_MS), String(DURATION_MS)], { cwd: directory });
      });
      return readPprofGzip(profile);
    };

    it("are those of --cpu-prof, of an ES module", async (context) => {
      const script = join(directory, "shop.mjs");
      writeFileSync(script, MODULE);
      const profile = await record("--cpu-prof", "--cpu-prof-dir=.", script);
      const prof = readdirSync(directory).find((file) => file.endsWith(".cpuprofile"))!;
      const known = new Set(readCpuProfile(join(directory, prof)));
      let named = 0;
      let unnamed = 0;
      const others = new Map<string, number>();
      for (const { frames, count, withoutName } of judgedStacks(profile)) {
        unnamed += withoutName * count;
        for (const frame of frames) {
          named += count;
          const text = `${frame.name} ${frame.file}:${frame.startLine}`;
          if (!known.has(text)) others.set(text, (others.get(text) ?? 0) + count);
        }
      }
      const wrong = [...others.values()].reduce((sum, count) => sum + count, 0);
      context.diagnostic(JSON.stringify({ named, unnamed, wrong, others: [...others] }));
      assert.ok(named > 100, `${named} frames`);
      // A function that ran for a moment only may be in one of the two profiles.
      assert.ok(wrong < 0.01 * named, JSON.stringify([...others]));
      assert.ok(unnamed < 0.01 * (named + unnamed), `${unnamed} of ${named + unnamed} without a name`);
    });

    // Where a place comes from does not depend on the version.
    const skipBundle = major !== 22;
    it("are those of the sources of a bundle that has a source map", { skip: skipBundle }, async (context) => {
      for (const [name, text] of Object.entries(TYPESCRIPT)) writeFileSync(join(directory, name), text);
      buildSync({
        entryPoints: [join(directory, "main.ts")],
        ...{ bundle: true, minify: true, sourcemap: true, format: "esm", platform: "node" },
        outfile: join(directory, "bundle.mjs"),
      });
      const profile = await record(join(directory, "bundle.mjs"));
      let inPrice = 0;
      let all = 0;
      const seen = new Map<string, number>();
      for (const { frames, count } of judgedStacks(profile)) {
        const ours = frames.filter(({ file }) => file.endsWith(".ts"));
        all += count;
        if (ours.length > 0) inPrice += count;
        for (const { name, startLine, line, file } of ours) {
          const text = `${basename(file)} ${name}:${startLine}:${line}`;
          seen.set(text, (seen.get(text) ?? 0) + count);
        }
      }
      context.diagnostic(JSON.stringify({ all, inPrice, seen: [...seen] }));
      assert.ok(all > 20 && inPrice > 0.9 * all, `${inPrice} of ${all}`);
      // The bundle's own code begins in one file and runs in the other.
      const right = /^(price\.ts total:4:([4-9]|10)|price\.ts priceOf:12:1[2-8]|main\.ts \(anonymous\):0:[5-9])$/;
      for (const text of seen.keys()) assert.match(text, right);
    });
  });
}

/** "name file:line" of each function that V8's profiler met. */
function readCpuProfile(path: string): string[] {
  const { nodes } = JSON.parse(readFileSync(path, "utf8")) as {
    readonly nodes: readonly {
      readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
    }[];
  };
  return nodes.map(({ callFrame: { functionName, url, lineNumber } }) => {
    const file = url.startsWith("file:") ? fileURLToPath(url) : url;
    return `${functionName === "" ? "(anonymous)" : functionName} ${file}:${lineNumber + 1}`;
  });
}

interface JudgedStack {
  readonly frames: readonly Frame[];
  readonly count: number;
  /** JavaScript frames that have no name. */
  readonly withoutName: number;
}

/** JavaScript frames of what was sampled after the warm-up. */
function judgedStacks({ stacks, samples, threads, locations, mappings, functions }: Profile): JudgedStack[] {
  const judged: JudgedStack[] = [];
  for (let row = 0; row < samples.length; row++) {
    if (threads[samples.thread[row]].comm !== JUDGED) continue;
    const stack = samples.stack[row];
    const frames: Frame[] = [];
    let withoutName = 0;
    for (let at = stacks.offsets[stack]; at < stacks.offsets[stack + 1]; at++) {
      const { lines, mappingIndex } = locations[stacks.locations[at]];
      if (mappings[mappingIndex]?.fileName !== "[v8]") continue;
      for (const { functionIndex, line } of lines) {
        const { name, fileName, startLine } = functions[functionIndex];
        if (fileName === "") withoutName++;
        else frames.push({ name, file: fileName, startLine, line });
      }
    }
    if (frames.length + withoutName > 0) judged.push({ frames, count: samples.ticks[row], withoutName });
  }
  return judged;
}
