/* The runner's spec reporter, with its summary held back until after the list of failures: it is what one looks for. */
import { Readable } from "node:stream";
import { spec } from "node:test/reporters";

const SUMMARY = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

/** A reporter for node:test: events in, text out. */
export async function* summaryLast(events) {
  const summary = [];
  const withoutSummary = async function* () {
    for await (const event of events) {
      const { type, data } = event;
      if (type === "test:diagnostic" && data.nesting === 0 && SUMMARY.test(data.message)) summary.push(data.message);
      else yield event;
    }
  };
  yield* Readable.from(withoutSummary()).pipe(new spec());
  yield `${summary.map((line) => `ℹ ${line}`).join("\n")}\n`;
}
