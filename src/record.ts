import type { RecordReporter } from "./model/record-reporter.js";
import type { RecordOptions } from "./model/record-options.js";

/** Placeholder until the recording is wired. */
export function runRecord(options: RecordOptions, _reporter: RecordReporter): Promise<number> {
  return Promise.reject(new Error(`nothing records yet (asked for ${options.durationMs} ms)`));
}
