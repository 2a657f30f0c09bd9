/**
 * An agent's delivery and nothing else, to be killed: node delivering-program.js ADDRESS SPOOL MEMORY_MS FIRST_WINDOW LOG. Hands over a
 * window after the other, and writes the number of each into LOG when it was taken; FIRST_WINDOW "none": sends what is there, prints
 * how it stands, and ends.
 */
import { openSync, writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { DELIVERY_DEFAULTS, deliverTo } from "#src/delivery/deliver-to.js";
import { plainDestination, windowOf } from "./plain-destination.js";
import { quietLog } from "./quiet-log.js";
import { until } from "./until.js";

const [address, spoolDirectory, memoryMs, first, log] = process.argv.slice(2);
const exporter = deliverTo(
  plainDestination(() => address, 5000),
  { ...DELIVERY_DEFAULTS, spoolDirectory, memoryMs: Number(memoryMs) },
  // Soon again: a killed program has no time to wait.
  { log: quietLog(), random: () => 0.002 * Math.random() },
);
if (first === "none") {
  const waiting = (): number => exporter.status.spool.uploads + exporter.status.memory.uploads;
  await until(() => exporter.status.spoolCounts.recovered > 0 || exporter.status.awayMs !== undefined, 2000).catch(
    () => undefined, // nothing was left: then there is nothing to wait for
  );
  await until(() => waiting() === 0, 60_000);
  await exporter.close();
  const { accepted, dropped, refused } = exporter.status;
  console.log(JSON.stringify({ accepted: accepted.uploads, dropped: [...dropped], refused: [...refused] }));
} else {
  const taken = openSync(log, "a");
  for (let minute = Number(first); ; minute++) {
    await exporter.export(windowOf(minute), new AbortController().signal);
    writeSync(taken, `${minute}\n`);
    await delay(Math.random() * 8);
  }
}
