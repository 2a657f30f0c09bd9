// node tree.cjs BUDGET_MS TITLE ADDON: spends its budget of CPU time in branches of known calls, and prints what each took by the
// kernel's account of its thread. Runs on Node.js 18 and later.
"use strict";
const fs = require("node:fs");
const { Worker, isMainThread, workerData } = require("node:worker_threads");

const clock = fs.openSync("/proc/thread-self/schedstat", "r");
const text = Buffer.alloc(64);
/** Nanoseconds of CPU time of this thread. */
function cpuNs() {
  return Number(text.latin1Slice(0, fs.readSync(clock, text, 0, 64, 0)).split(" ")[0]);
}

function leaf(n) {
  let sum = 0;
  for (let i = 0; i < n; i++) sum = (sum * 31 + i) | 0;
  return sum;
}
function inner(n) {
  return leaf(n) + 1;
}
function outer(n) {
  return inner(n) - inner(n + 1);
}
function calls() {
  return outer(20000);
}

function fibonacci(n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}
function recursion() {
  return fibonacci(18);
}

class Shape {
  constructor(width) {
    this.width = width;
  }
  area() {
    let sum = 0;
    for (let i = 0; i < 3000; i++) sum += Math.sqrt(this.width + i);
    return sum;
  }
}
function classes() {
  return [1, 2, 3].map((width) => new Shape(width)).reduce((sum, shape) => sum + shape.area(), 0);
}

function* numbers(n) {
  for (let i = 0; i < n; i++) yield i;
}
function generators() {
  let sum = 0;
  for (const number of numbers(3000)) sum += number;
  return sum;
}

const document = JSON.stringify(Array.from({ length: 200 }, (_, id) => ({ id, name: `n${id}`, tags: ["a", "b"] })));
const words = "the quick brown fox jumps over the lazy dog ".repeat(100);
function parsing() {
  return JSON.stringify(JSON.parse(document)).length;
}
function matching() {
  return words.replace(/(\w+)\s(\w+)/g, "$2 $1").length;
}
function builtins() {
  return parsing() + matching();
}

function closures() {
  const add = (k) => (n) => n + k;
  const adders = [add(1), add(2), add(3)];
  let sum = 0;
  for (let i = 0; i < 3000; i++) sum = adders[i % 3](sum) | 0;
  return sum;
}

async function awaited(n) {
  return leaf(n);
}

function calledBack(n) {
  return leaf(n);
}

/** What is computed goes here, or an optimising compiler leaves it out. */
let sink = 0;

/** Calls it for about so long, in bursts that a tick of the kernel's account is small against. */
function spend(truth, name, run) {
  let rounds = 1;
  for (let took = 0; took < 40e6; rounds *= 2) {
    const before = cpuNs();
    for (let i = 0; i < rounds; i++) sink = (sink + run()) | 0;
    took = cpuNs() - before;
    truth[name] = (truth[name] ?? 0) + took;
  }
}

function inWorker(ms) {
  for (const end = Date.now() + ms; Date.now() < end;) sink = (sink + leaf(20000)) | 0;
}

async function awaiting(truth) {
  for (let total = 0; total < 60e6;) {
    const before = cpuNs();
    for (let i = 0; i < 300; i++) sink = (sink + (await awaited(5000))) | 0;
    const took = cpuNs() - before;
    total += took;
    truth.awaiting = (truth.awaiting ?? 0) + took;
  }
}

async function main() {
  const [budgetMs, title, addon] = process.argv.slice(2);
  process.title = title;
  const branches = { calls, recursion, classes, generators, builtins, closures };
  if (addon !== undefined) {
    const { callBack } = require(addon);
    branches.native = function native() {
      return callBack(calledBack, 20000);
    };
  }
  const truth = {};
  const begun = cpuNs();
  while (cpuNs() - begun < Number(budgetMs) * 1e6) {
    for (const [name, run] of Object.entries(branches)) spend(truth, name, run);
    await awaiting(truth);
  }
  const worker = new Worker(__filename, { workerData: 300 });
  await new Promise((resolve) => worker.on("exit", resolve));
  console.log(JSON.stringify({ branches: truth, cpuNs: cpuNs() - begun }));
}

if (isMainThread) void main();
else inWorker(workerData);
