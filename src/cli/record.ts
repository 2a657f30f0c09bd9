import { accessSync, constants, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { RecordOptions } from "../model/record-options.js";
import { refuseWhereNothingWorks } from "./obstacles.js";
import type { Output } from "./output.js";
import { createReporter } from "./progress.js";
import { UsageError } from "./usage-error.js";

/** `hostflame record`: everything that can be known to fail is found before anything is sampled. */
export async function record(options: RecordOptions, stdout: Output, stderr: Output): Promise<number> {
  refuseWhereNothingWorks("record");
  prepareFiles(options);
  const { runRecord } = await import("../record.js");
  const reporter = createReporter({ stdout, stderr, quiet: options.quiet, now: () => performance.now() });
  try {
    return await runRecord(options, reporter);
  } finally {
    reporter.done();
  }
}

/** Makes the folders and sees that each file can be written: better now than after an hour of sampling. */
function prepareFiles({ output, flamegraph, folded }: RecordOptions): void {
  const files = Object.entries({ "--output": output, "--flamegraph": flamegraph, "--folded": folded });
  const paths = new Map<string, string>();
  for (const [flag, path] of files) {
    if (path === undefined) continue;
    const other = paths.get(path);
    if (other !== undefined) throw new UsageError(`${other} and ${flag} name the same file, ${path}.`);
    paths.set(path, flag);
    mkdirSync(dirname(path), { recursive: true });
    const existing = statSync(path, { throwIfNoEntry: false });
    if (existing?.isDirectory() === true) throw new UsageError(`${flag} does not accept ${path}: that is a folder.`);
    accessSync(existing === undefined ? dirname(path) : path, constants.W_OK);
  }
}
