/*
 * node bench/delivery.mjs [--windows 2000] [--uploads 20] [--bytes 30000]: what delivery costs in memory and time, an outage in the
 * middle third. One process with an intake in a second; a window is a window's uploads, as fast as they are taken.
 */
import { fork } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";

if (process.send === undefined) await measure();
else serveIntake();

/** 503 while told so, else 202. */
function serveIntake() {
  let away = false;
  process.on("message", (message) => (away = message === "away"));
  process.on("disconnect", () => process.exit());
  const server = createServer((request, response) => {
    request.resume().on("end", () => response.writeHead(away ? 503 : 202).end());
  });
  server.listen(0, "127.0.0.1", () => process.send(server.address().port));
}

async function measure() {
  const { values } = parseArgs({
    options: {
      windows: { type: "string", default: "2000" },
      uploads: { type: "string", default: "20" },
      bytes: { type: "string", default: "30000" },
    },
  });
  const [windows, uploads, bytes] = [values.windows, values.uploads, values.bytes].map(Number);
  const { DELIVERY_DEFAULTS, deliverTo } = await import("../dist/delivery/deliver-to.js");
  const { plainDestination, windowOf } = await import("../build/test/support/plain-destination.js");
  const { quietLog } = await import("../build/test/support/quiet-log.js");
  const intake = fork(import.meta.filename);
  const port = await new Promise((resolve) => intake.once("message", resolve));
  const spoolDirectory = mkdtempSync(path.join(tmpdir(), "hostflame-bench-"));
  const exporter = deliverTo(
    plainDestination(() => `http://127.0.0.1:${port}`, bytes),
    { ...DELIVERY_DEFAULTS, spoolDirectory, spoolBytes: 2 ** 40 },
    { log: quietLog(), random: () => 0.01 },
  );
  const waiting = () => exporter.status.spool.uploads + exporter.status.memory.uploads;
  const row = (name) => {
    globalThis.gc?.();
    const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
    const mib = (count) => (count / 2 ** 20).toFixed(1).padStart(6);
    console.log(
      `${name.padEnd(26)} rss ${mib(rss)}  heap ${mib(heapUsed)}  buffers ${mib(arrayBuffers)}  waiting ${waiting()}`,
    );
  };
  const handOver = async (from, to) => {
    const start = performance.now();
    const cpu = process.cpuUsage();
    for (let minute = from; minute < to; minute++) {
      await exporter.export(windowOf(minute, uploads), new AbortController().signal);
      // Windows are a minute apart, not nothing.
      while (waiting() > 0 && exporter.status.awayMs === undefined) await new Promise(setImmediate);
    }
    const { user, system } = process.cpuUsage(cpu);
    const count = (to - from) * uploads;
    const wallUs = ((performance.now() - start) * 1000) / count;
    console.log(`  an upload: ${wallUs.toFixed(0)} µs, ${((user + system) / count).toFixed(0)} µs of CPU`);
  };
  const third = Math.floor(windows / 3);
  row("start");
  await handOver(0, third / 2);
  row("well, half of it");
  await handOver(third / 2, third);
  row("well");
  intake.send("away");
  await handOver(third, third * 2);
  row("away");
  intake.send("back");
  while (waiting() > 0) await new Promise((resolve) => setTimeout(resolve, 50));
  row("all sent");
  await handOver(third * 2, third * 3);
  row("well again");
  await exporter.close();
  intake.disconnect();
  const { accepted, dropped, queued } = exporter.status;
  console.log(
    `accepted ${accepted.uploads} of ${queued.uploads}, dropped ${dropped.size}, left ${readdirSync(spoolDirectory).length}`,
  );
  rmSync(spoolDirectory, { recursive: true });
}
