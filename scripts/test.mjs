/*
 * npm test [-- FILTER…]: set up what is missing, compile, run the tests; the runner's own summary comes last.
 *
 *   npm test -- unit/elf             only files whose path holds one of these
 *   npm test -- unit --name hostile  only tests whose name matches
 *
 * Files that only compute run beside each other, on each CPU one. Those after them one at a time: they sample the machine, and would
 * disturb each other.
 */
import "./node-version.mjs";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { run } from "node:test";
import { parseArgs } from "node:util";
import { summaryLast } from "./reporter.mjs";
import { ensureSetup } from "./setup.mjs";
import { main, root, SetupError } from "./step.mjs";

/** From what needs least to what needs most, so that the plainest reason for a failure comes first. */
const ORDER = ["house", "unit", "bpf-host", "conformance", "native", "e2e", "cluster", "kernels"];
/** Rooms whose tests sample nothing, and measure no time. */
const COMPUTING = ["house", "unit", "bpf-host"];
const compiled = path.join(root, "build/test");
/**
 * A file of tests that hangs must not take the whole run with it: the longest, the cluster, may take a quarter of an hour, and as long
 * again where its programs are built first.
 */
const TEST_TIMEOUT_MS = 35 * 60_000;

await main(async () => {
  const { values, positionals: filters } = parseArgs({ options: { name: { type: "string" } }, allowPositionals: true });
  await ensureSetup({ test: true });
  const files = testFiles().filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)));
  if (files.length === 0) throw new SetupError(`no test file matches ${filters.join(", ")}.`);
  process.chdir(root);
  const isComputing = (file) => COMPUTING.includes(roomOf(file));
  const parts = [
    { files: files.filter(isComputing), concurrency: availableParallelism() },
    { files: files.filter((file) => !isComputing(file)), concurrency: 1 },
  ];
  await pipeline(eventsOf(parts, values.name), summaryLast, process.stdout, { end: false });
});

/** The runner's events of one part after the other. */
async function* eventsOf(parts, name) {
  for (const { files, concurrency } of parts) {
    if (files.length === 0) continue;
    const events = run({
      files: files.map((file) => path.join(compiled, file)),
      concurrency,
      timeout: TEST_TIMEOUT_MS,
      ...(name === undefined ? {} : { testNamePatterns: [new RegExp(name)] }),
    });
    for await (const event of events) {
      const { todo } = event.data;
      if (event.type === "test:fail" && (todo === undefined || todo === false)) process.exitCode = 1;
      yield event;
    }
  }
}

function roomOf(file) {
  return file.split(path.sep)[0];
}

/** Compiled test files relative to build/test, in order. One whose source is gone is removed: tsc never does. */
function testFiles() {
  const found = readdirSync(compiled, { recursive: true }).filter((file) => file.endsWith(".test.js"));
  const files = found.filter((file) => {
    const hasSource = existsSync(path.join(root, "test", file.replace(/\.js$/, ".ts")));
    if (!hasSource) rmSync(path.join(compiled, file));
    return hasSource;
  });
  const rank = (file) => (ORDER.indexOf(roomOf(file)) + ORDER.length + 1) % (ORDER.length + 1);
  return files.sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
}
