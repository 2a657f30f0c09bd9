import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { readPprofGzip } from "#src/profiles/read-pprof.js";
import type { Profile } from "#src/model/profile.js";
import { stacksOf } from "../support/profile-stacks.js";
import { isPython } from "../support/python-split.js";
import { findPythons, type PythonUnderTest } from "../support/pythons.js";
import { cannotRecord, recordWhile } from "../support/record.js";

/** All interpreters at once, each with its threads. */
const SECONDS = Number(process.env["TRUTH_MINUTES"] ?? 0.5) * 60;
const THREADS = 200;
/** Beyond, a recording of functions that are all new comes to the end of what it remembers: then some have no name, and are counted. */
const ALL_NAMED_SECONDS = 60;
const STORM_SECONDS = 10;
const NO_NAME = "[python]+0x";
/** Some 100 ms, most of it the interpreter's own start. */
const SHORT = "def short():\n  x = 0\n  for i in range(600000): x += i\nshort()";

async function run(python: PythonUnderTest, program: string, args: readonly string[]): Promise<void> {
  const child = spawn(program, args, { stdio: "inherit", env: { ...process.env, ...python.env } });
  try {
    const [code] = (await once(child, "exit")) as [number | null];
    assert.equal(code, 0, python.version);
  } finally {
    child.kill("SIGKILL");
  }
}

function runTruth(python: PythonUnderTest, comm: string, seconds: number): Promise<void> {
  const script = resolve("test/workloads/python/truth.py");
  const args = [...python.argv.slice(1), script, comm, String(seconds), String(THREADS)];
  return run(python, python.argv[0], args);
}

/** Frames of such functions that tell the truth, and what others say. */
function judgeTruth(profile: Profile, comm: string): { right: number; nameless: number; wrong: Set<string> } {
  let [right, nameless] = [0, 0];
  const wrong = new Set<string>();
  for (const { frames, count } of stacksOf(profile, comm)) {
    for (const { name, fileName, line } of frames.filter(isPython)) {
      if (name.startsWith(NO_NAME)) nameless += count;
      const inFile = /^truth-(\d+)$/.exec(fileName)?.[1];
      const inName = /^t(\d+)(\.<locals>\.<genexpr>)?$/.exec(name)?.[1];
      if (inFile === undefined && inName === undefined) continue;
      const first = 1 + (Number(inFile) % 97);
      const isBody = inName === inFile && line >= first && line <= first + 3;
      // The module has the function's definition, and a class before it; a generator expression is called so before 3.11.
      const isModule = /^(<module>|<genexpr>|K\d+)$/.test(name) && inFile !== undefined;
      if (isBody || isModule) right += count;
      else wrong.add(`${name} ${fileName}:${line}`);
    }
  }
  return { right, nameless, wrong };
}

describe("names of Python functions", { skip: cannotRecord() ?? false }, () => {
  const pythons = findPythons();
  const skip = pythons.length === 0 && "no CPython of a known version is here";

  it("are never another function's, whatever is freed and made anew", { skip }, async (context) => {
    const { profile: bytes } = await recordWhile({ frequency: 399 }, async () => {
      await Promise.all(pythons.map((python) => runTruth(python, "warm-up", 3)));
      await sleep(3000);
      await Promise.all(pythons.map((python) => runTruth(python, `truth-${python.version}`, SECONDS)));
    });
    const profile = await readPprofGzip(bytes);
    for (const { version } of pythons) {
      const { right, nameless, wrong } = judgeTruth(profile, `truth-${version}`);
      context.diagnostic(`${version}: ${right} right, ${nameless} without a name, ${wrong.size} wrong`);
      assert.deepEqual([...wrong].slice(0, 10), [], version);
      assert.ok(right > 100, `${version}: ${right} frames`);
      const mayMiss = SECONDS > ALL_NAMED_SECONDS;
      assert.ok(mayMiss || nameless < 0.1 * right, `${version}: ${nameless} of ${right} frames have no name`);
    }
  });

  it("are known of processes that live for a tenth of a second", { skip }, async (context) => {
    const python = pythons[0];
    const directory = mkdtempSync(join(tmpdir(), "hostflame-python-"));
    const program = join(directory, "py-storm");
    symlinkSync(python.argv[0], program);
    let processes = 0;
    try {
      const { profile: bytes } = await recordWhile({}, async () => {
        await run(python, python.argv[0], ["-c", SHORT]);
        await sleep(4000);
        const end = Date.now() + STORM_SECONDS * 1000;
        while (Date.now() < end) {
          processes++;
          await run(python, program, ["-c", SHORT]);
        }
      });
      const profile = await readPprofGzip(bytes);
      let [withFrames, named] = [0, 0];
      for (const { frames, count } of stacksOf(profile, "py-storm")) {
        const isLoop = frames.some(({ name }) => name.startsWith("_PyEval_EvalFrameDefault"));
        const own = frames.filter(isPython);
        if (own.length === 0 && !isLoop) continue;
        withFrames += count;
        if (!isLoop && own.every(({ name }) => !name.startsWith(NO_NAME))) named += count;
      }
      context.diagnostic(`${processes} processes: ${named} of ${withFrames} samples have all their names`);
      assert.ok(withFrames > 200, `${withFrames} samples`);
      assert.ok(named >= 0.9 * withFrames, `${named} of ${withFrames}`);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
