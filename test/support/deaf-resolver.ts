/**
 * node deaf-resolver.js SPOOL, with a resolv.conf that names 127.0.0.77: sends to a host whose name is looked up there, where nobody ever
 * answers; after some tries prints how it stands, and how long a file took to write meanwhile.
 */
import { createSocket } from "node:dgram";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { DELIVERY_DEFAULTS, deliverTo } from "#src/delivery/deliver-to.js";
import { openIntake } from "#src/exporters/intakes.js";
import { knownBatch } from "./intakes/batches.js";
import { quietLog } from "./quiet-log.js";
import { until } from "./until.js";

const TRIES = 8;
const TRY_MS = 200;
const [kind, spoolDirectory] = process.argv.slice(2);
const resolver = createSocket("udp4");
let questions = 0;
resolver.on("message", () => questions++);
await new Promise<void>((resolve) => resolver.bind(53, "127.0.0.77", resolve));
const exporter = deliverTo(
  openIntake({ kind, url: "http://intake.example:8126", options: kind === "parca" ? { protocol: "grpc" } : {} }),
  { ...DELIVERY_DEFAULTS, spoolDirectory, tryMs: TRY_MS, stopMs: 100 },
  { log: quietLog(), random: () => 0.01 },
);
await exporter.export(knownBatch(), new AbortController().signal);
const tries = (): number => [...exporter.status.retries.values()].reduce((sum, { uploads }) => sum + uploads, 0);
await until(() => tries() >= TRIES && questions > 0);
const start = performance.now();
await writeFile(path.join(spoolDirectory, "note"), "x");
const { retries, spool, dropped } = exporter.status;
const told = { reasons: [...retries.keys()], waiting: spool.uploads, dropped: [...dropped.keys()] };
console.log(JSON.stringify({ ...told, writeMs: performance.now() - start }));
// The lookup cannot be cancelled, and an exit waits for it.
process.kill(process.pid, "SIGKILL");
