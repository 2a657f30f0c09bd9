/*
 * npm test [-- FILTER…]: set up what is missing, compile, run the tests; the runner's own summary comes last.
 *
 *   npm test -- unit/elf             only files whose path holds one of these
 *   npm test -- unit --name hostile  only tests whose name matches
 *
 * One run of node:test over all, one file at a time: those that sample the machine would disturb each other.
 */
import "./node-version.mjs";
import { existsSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { run } from "node:test";
import { parseArgs } from "node:util";
import { summaryLast } from "./reporter.mjs";
import { ensureSetup } from "./setup.mjs";
import { main, root, SetupError } from "./step.mjs";

/** From what needs least to what needs most, so that the plainest reason for a failure comes first. */
const ORDER = ["house", "unit", "bpf-host", "conformance", "native", "e2e", "cluster", "kernels"];
const compiled = path.join(root, "build/test");
/** A file of tests that hangs must not take the whole run with it: the longest takes four minutes. */
const TEST_TIMEOUT_MS = 15 * 60_000;

await main(async () => {
  const { values, positionals: filters } = parseArgs({ options: { name: { type: "string" } }, allowPositionals: true });
  await ensureSetup({ test: true });
  const files = testFiles().filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)));
  if (files.length === 0) throw new SetupError(`no test file matches ${filters.join(", ")}.`);
  process.chdir(root);
  const events = run({
    files: files.map((file) => path.join(compiled, file)),
    concurrency: 1,
    timeout: TEST_TIMEOUT_MS,
    ...(values.name === undefined ? {} : { testNamePatterns: [new RegExp(values.name)] }),
  });
  events.on("test:fail", ({ todo }) => {
    if (todo === undefined || todo === false) process.exitCode = 1;
  });
  await pipeline(events, summaryLast, process.stdout, { end: false });
});

/** Compiled test files relative to build/test, in order. One whose source is gone is removed: tsc never does. */
function testFiles() {
  const found = readdirSync(compiled, { recursive: true }).filter((file) => file.endsWith(".test.js"));
  const files = found.filter((file) => {
    const hasSource = existsSync(path.join(root, "test", file.replace(/\.js$/, ".ts")));
    if (!hasSource) rmSync(path.join(compiled, file));
    return hasSource;
  });
  const rank = (file) => (ORDER.indexOf(file.split(path.sep)[0]) + ORDER.length + 1) % (ORDER.length + 1);
  return files.sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
}
