/** No JavaScript function is ever called by another's name, whatever the collector does. `TRUTH_MINUTES=30` looks so long. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { readPprofGzip } from "#src/profiles/read-pprof.js";
import type { Profile } from "#src/model/profile.js";
import { cannotRecord, recordWhile } from "../support/record.js";
import { NODE_MAJORS, nodeRelease, type NodeMajor } from "../support/v8/node-release.js";

const run = promisify(execFile);
const PROGRAM = resolve("test/workloads/node/truth.cjs");
/** Of all majors together; a minute, for the majors that are run when nobody asks for more. */
const MINUTES = Number(process.env["TRUTH_MINUTES"] ?? 0);
const MAJORS: readonly NodeMajor[] = MINUTES > 0 ? NODE_MAJORS : [20, 24];
const DURATION_MS = MINUTES > 0 ? (MINUTES * 60_000) / MAJORS.length : 12_000;
/** Beyond, a recording of functions that are all new has read as much as it may: then some have no name, and are counted. */
const ALL_NAMED_MS = 30_000;
/** The unwind rows of a binary of 100 MB are made meanwhile. */
const WARM_UP_MS = Number(process.env["TRUTH_WARM_UP_MS"] ?? 12_000);

interface Findings {
  /** Samples in which inner_ID was named, and right, and those whose line was. */
  named: number;
  wrongNames: string[];
  linesRight: number;
  linesUnknown: number;
  linesWrong: string[];
  /** Samples of the main thread's turns in which JavaScript was found, and those of them that have any name of them. */
  turns: number;
  turnsNamed: number;
}

for (const major of MAJORS) {
  const release = nodeRelease(major);
  const skip = cannotRecord() ?? (typeof release === "string" ? release : false);
  describe(`names of Node.js ${major}'s functions that come and go`, { skip }, () => {
    it("are never another's", async (context) => {
      if (typeof release === "string") return;
      const { profile } = await recordWhile({ frequency: 199 }, async () => {
        await run(release.path, ["--expose-gc", PROGRAM, String(DURATION_MS), String(WARM_UP_MS)]);
      });
      const found = judge(await readPprofGzip(profile));
      const { wrongNames, linesWrong, ...counts } = found;
      context.diagnostic(JSON.stringify({ ...counts, wrongNames: wrongNames.length, linesWrong: linesWrong.length }));
      assert.deepEqual(wrongNames, []);
      assert.deepEqual(linesWrong.slice(0, 5), []);
      if (DURATION_MS > ALL_NAMED_MS) return;
      assert.ok(found.named > 100, JSON.stringify(counts));
      assert.ok(found.turnsNamed > 0.9 * found.turns, JSON.stringify(counts));
    });
  });
}

function judge({ stacks, samples, threads, locations, mappings, functions }: Profile): Findings {
  const found: Findings = {
    ...{ named: 0, wrongNames: [], linesRight: 0, linesUnknown: 0, linesWrong: [], turns: 0, turnsNamed: 0 },
  };
  for (let row = 0; row < samples.length; row++) {
    const stack = samples.stack[row];
    const { comm } = threads[samples.thread[row]];
    let hasJavaScript = false;
    const its: { kind: string; id: number; line: number; startLine: number }[] = [];
    for (let at = stacks.offsets[stack]; at < stacks.offsets[stack + 1]; at++) {
      const { lines, mappingIndex } = locations[stacks.locations[at]];
      hasJavaScript ||= mappings[mappingIndex]?.fileName === "[v8]";
      for (const { functionIndex, line } of lines) {
        const name = /^(inner|outer)_(\d+)$/.exec(functions[functionIndex].name);
        if (name === null) continue;
        its.push({ kind: name[1], id: Number(name[2]), line, startLine: functions[functionIndex].startLine });
      }
    }
    const count = samples.ticks[row];
    const isTurn = /^t\d+$/.test(comm);
    if (isTurn && hasJavaScript) found.turns += count;
    if (its.length === 0) continue;
    if (isTurn) found.turnsNamed += count;
    found.named += count;
    const ids = new Set(its.map(({ id }) => id));
    if (isTurn) ids.add(Number(comm.slice(1)));
    const order = its.map(({ kind }) => kind).join(" < ");
    if (ids.size > 1 || !["inner < outer", "inner", "outer"].includes(order)) {
      found.wrongNames.push(`${comm}: ${its.map(({ kind, id }) => `${kind}_${id}`).join(" < ")}`);
    }
    for (const { kind, id, line, startLine } of its) judgeLine(found, kind, id, line, startLine, count);
  }
  return found;
}

/** `new Function` puts two lines before the text. */
const HEAD_LINES = 2;

function judgeLine(found: Findings, kind: string, id: number, line: number, startLine: number, count: number): void {
  const first = HEAD_LINES + 1;
  const loop = first + (id % 50) + 1;
  const expectedStart = kind === "inner" ? first : loop + 2;
  const expected = kind === "inner" ? [first, loop] : [loop + 2, loop + 3];
  if (startLine === 0 || line === 0) found.linesUnknown += count;
  else if (startLine === expectedStart && expected.includes(line)) found.linesRight += count;
  else found.linesWrong.push(`${kind}_${id}: ${startLine}:${line}, not ${expectedStart}:${expected.join(" or ")}`);
}
