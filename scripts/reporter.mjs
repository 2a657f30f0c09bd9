/*
 * The runner's spec reporter, with its summary held back until after the list of failures: it is what one looks for; that of several
 * runs, added up. Before it, where the time went.
 */
import path from "node:path";
import { Readable } from "node:stream";
import { spec } from "node:test/reporters";

const LISTED = 20;
const SUMMARY = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) ([\d.]+)$/;

/** A reporter for node:test: events in, text out. */
export async function* summaryLast(events) {
  const summary = new Map();
  const milliseconds = new Map();
  const withoutSummary = async function* () {
    for await (const event of events) {
      const { type, data } = event;
      const [, name, number] = (type === "test:diagnostic" && data.nesting === 0 && SUMMARY.exec(data.message)) || [];
      if (name !== undefined) summary.set(name, (summary.get(name) ?? 0) + Number(number));
      else yield event;
      if (data.nesting !== 0 || data.file === undefined || !/^test:(pass|fail)$/.test(type)) continue;
      milliseconds.set(data.file, (milliseconds.get(data.file) ?? 0) + data.details.duration_ms);
    }
  };
  yield* Readable.from(withoutSummary()).pipe(new spec());
  yield whereTimeWent(milliseconds);
  yield `${[...summary].map(([name, number]) => `ℹ ${name} ${number}`).join("\n")}\n`;
}

/** How long each room's files took, and the longest of all; nothing of a single file. */
function whereTimeWent(milliseconds) {
  if (milliseconds.size < 2) return "";
  const rooms = new Map();
  const files = new Map();
  for (const [file, ms] of milliseconds) {
    const name = path.relative("build/test", file);
    const [room] = name.split(path.sep);
    rooms.set(room, (rooms.get(room) ?? 0) + ms);
    files.set(name, ms);
  }
  const longest = [...files].sort(([, a], [, b]) => b - a).slice(0, LISTED);
  const lines = [...rooms, ...longest].map(([name, ms]) => `${(ms / 1000).toFixed(1).padStart(8)} s  ${name}`);
  return `\nwhere the time went:\n${lines.join("\n")}\n\n`;
}
