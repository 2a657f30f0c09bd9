import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { readPprofGzip } from "#src/profiles/read-pprof.js";
import { judgeSplit, type PythonTruth, runSplit } from "../support/python-split.js";
import { buildExtension, findPythons, type PythonUnderTest } from "../support/pythons.js";
import { cannotRecord, recordWhile } from "../support/record.js";

/**
 * A file's first samples come before its rows are made: each is run, and then there is time to make them; and again, for a module that
 * no sample had met.
 */
const WARM_MS = 1000;
const SECOND_WARM_MS = 400;
const REST_MS = 4000;
const BUDGET_MS = 2500;

async function onTwoCpus(
  pythons: readonly PythonUnderTest[],
  run: (python: PythonUnderTest, cpu: number) => Promise<void>,
): Promise<void> {
  const waiting = [...pythons];
  const lane = async (cpu: number): Promise<void> => {
    for (let python = waiting.shift(); python !== undefined; python = waiting.shift()) await run(python, cpu);
  };
  await Promise.all([0, 1].map(lane));
}

describe("Python", { skip: cannotRecord() ?? false }, () => {
  it("has its frames, names and lines in every version, between the native ones", async (context) => {
    const pythons = findPythons();
    if (pythons.length === 0) {
      context.skip("no CPython of a known version is here");
      return;
    }
    const extension = buildExtension(pythons);
    if (extension === undefined) context.diagnostic("no C extension: no Python.h is here");
    const truths = new Map<string, PythonTruth>();
    const { profile: bytes } = await recordWhile({}, async () => {
      await onTwoCpus(pythons, async (python, cpu) => {
        await runSplit(python, cpu, { warmMs: WARM_MS, budgetMs: 0 }, extension);
      });
      await sleep(REST_MS);
      await onTwoCpus(pythons, async (python, cpu) => {
        truths.set(
          python.version,
          await runSplit(python, cpu, { warmMs: SECOND_WARM_MS, budgetMs: BUDGET_MS }, extension),
        );
      });
    });
    const profile = await readPprofGzip(bytes);
    const complaints: string[] = [];
    for (const python of pythons) {
      const verdict = judgeSplit(python, truths.get(python.version)!, profile);
      const { samples, inPython, right, leaves, rightLines, alternating, crossing, shares, wrong } = verdict;
      const of = (part: number, whole: number): string => `${part}/${whole}`;
      const figures = `${python.version}: right ${of(right, samples)}, lines ${of(rightLines, leaves)}, crossing C ${of(alternating, crossing)}`;
      context.diagnostic(figures);
      const off = Object.entries(shares).filter(([, { sampled, measured }]) => Math.abs(sampled - measured) > 0.02);
      if (
        samples < 500 ||
        inPython < 0.9 * samples ||
        right < 0.99 * samples ||
        rightLines < 0.99 * leaves ||
        alternating < crossing ||
        crossing === 0 ||
        off.length > 0
      ) {
        complaints.push(figures, ...off.map((share) => JSON.stringify(share)), ...wrong.slice(0, 6));
      }
    }
    assert.deepEqual(complaints, []);
  });
});
