/*
 * The runner's spec reporter, with its summary held back until after the list of failures: it is what one looks for. Before it,
 * where the time went.
 */
import path from "node:path";
import { Readable } from "node:stream";
import { spec } from "node:test/reporters";

const LISTED = 12;
const SUMMARY = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

/** A reporter for node:test: events in, text out. */
export async function* summaryLast(events) {
  const summary = [];
  const milliseconds = new Map();
  const withoutSummary = async function* () {
    for await (const event of events) {
      const { type, data } = event;
      if (type === "test:diagnostic" && data.nesting === 0 && SUMMARY.test(data.message)) summary.push(data.message);
      else yield event;
      if (data.nesting !== 0 || data.file === undefined || !/^test:(pass|fail)$/.test(type)) continue;
      milliseconds.set(data.file, (milliseconds.get(data.file) ?? 0) + data.details.duration_ms);
    }
  };
  yield* Readable.from(withoutSummary()).pipe(new spec());
  yield longest(milliseconds);
  yield `${summary.map((line) => `ℹ ${line}`).join("\n")}\n`;
}

/** The files whose tests took longest; nothing of a single one. */
function longest(milliseconds) {
  if (milliseconds.size < 2) return "";
  const rows = [...milliseconds].sort(([, a], [, b]) => b - a).slice(0, LISTED);
  const lines = rows.map(
    ([file, ms]) =>
      `${(ms / 1000).toFixed(1).padStart(8)} s  ${path.basename(path.dirname(file))}/${path.basename(file)}`,
  );
  return `\nthe longest:\n${lines.join("\n")}\n\n`;
}
