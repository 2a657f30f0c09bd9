"use strict";
/*
 * Functions whose names carry their own truth, made, called for a moment and dropped: outer_ID calls inner_ID, the loop of inner_ID
 * is on line 2 + ID % 50 of its script and the call in outer_ID on the third line after that. The main thread's comm says ID, too. Workers do the same
 * for a while each and end; the collector runs again and again.
 *   node --expose-gc truth.cjs MILLISECONDS WARM_UP_MILLISECONDS
 */
const { Worker, isMainThread, workerData } = require("node:worker_threads");

const [durationMs, warmUpMs] = process.argv.slice(2).map(Number);
const TURN_MS = 25;
const WORKER_MS = 400;
const WORKER_IDS = 1_000_000;

function make(id) {
  const lines = "\n".repeat(id % 50);
  const text = `return (function () { function inner_${id}(n) { let t = 0;${lines}
for (let k = 0; k < n; k++) t += Math.sqrt(k + t) % 7; return t; }

function outer_${id}(n) { let t = 0; for (let k = 0; k < 3; k++) { t +=
inner_${id}(n); } return t; }
return outer_${id}; })()`;
  return new Function(text)();
}

let sink = 0;
let kept = [];

function turn(id) {
  const outer = make(id);
  if (isMainThread) process.title = `t${id}`;
  const end = Date.now() + TURN_MS;
  while (Date.now() < end) sink += outer(20000);
  // Not a name of ours while nothing of it runs.
  if (isMainThread) process.title = "between";
  kept.push(new Array(20000).fill(id));
  if (kept.length > 50) {
    kept = [];
    if (id % 4 === 0) globalThis.gc?.();
  }
}

function run(firstId, untilMs) {
  for (let id = firstId; Date.now() < untilMs; id++) turn(id);
}

function startWorkers(untilMs) {
  let serial = 0;
  const next = () => {
    if (Date.now() >= untilMs) return;
    const worker = new Worker(__filename, {
      workerData: { firstId: ++serial * WORKER_IDS },
      argv: process.argv.slice(2),
    });
    worker.once("exit", next);
  };
  next();
}

if (isMainThread) {
  const startMs = Date.now();
  process.title = "warm-up";
  while (Date.now() < startMs + warmUpMs) sink += Math.sqrt(sink);
  const endMs = Date.now() + durationMs;
  startWorkers(endMs);
  let id = 1;
  // Turns of the event loop between, for the workers' ends.
  const some = () => {
    if (Date.now() >= endMs) return;
    run(id, Math.min(endMs, Date.now() + 250));
    id += 100;
    setTimeout(some, 1);
  };
  some();
} else {
  run(workerData.firstId, Date.now() + WORKER_MS);
}
