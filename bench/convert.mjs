#!/usr/bin/env node
/**
 * What the conversion of large executables costs: time on the CPU, memory, and the size of their tables.
 *
 *     node bench/convert.mjs [FILE...]
 *
 * Each file is converted in a process of its own: the first time with a cold compiler, as in a fresh agent, then four
 * times more, of which the fastest is printed.
 */
import { execFileSync } from "node:child_process";
import { closeSync, fstatSync, openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { FileSource } from "../dist/elf/byte-source.js";
import { detectInterpreter } from "../dist/interpreters/detect.js";
import { convert } from "../dist/unwind/convert.js";
import { measure } from "../dist/unwind/pages.js";

const MIB = 1024 * 1024;
const WARM_ROUNDS = 4;

function cpuMs(work) {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** Converts one file and prints what it took as JSON. */
async function measureFile(path) {
  const fd = openSync(path, "r");
  const source = new FileSource(fd, fstatSync(fd).size);
  const rssBefore = process.memoryUsage.rss();
  let result;
  const { walkedCode } = (await detectInterpreter(source)) ?? {};
  const convertOnce = () => cpuMs(() => (result = convert(source, walkedCode)));
  const firstMs = convertOnce();
  const peak = process.resourceUsage().maxRSS * 1024;
  const warmMs = Math.min(...Array.from({ length: WARM_ROUNDS }, convertOnce));
  const { rows, fdes, badFdes } = result;
  const elements = rows === undefined ? 0 : measure(rows).elements;
  closeSync(fd);
  console.log(
    JSON.stringify({
      fdes,
      badFdes,
      rows: rows?.fileOffsets.length ?? 0,
      rules: (rows?.rules.length ?? 0) / 16,
      tableMib: (elements * 8) / MIB,
      firstMs,
      warmMs,
      peakMib: (peak - rssBefore) / MIB,
    }),
  );
}

function defaultFiles() {
  const patterns = [
    "/usr/lib/x86_64-linux-gnu/libc.so.6",
    "/usr/lib/x86_64-linux-gnu/libLLVM*.so.1",
    "/usr/lib/jvm/*/lib/server/libjvm.so",
    `${process.env.HOME}/.rustup/toolchains/*/lib/librustc_driver-*.so`,
  ];
  return [process.execPath, ...patterns.flatMap(expand)];
}

/** The shell's work: node:fs has no glob before Node 22. */
function expand(pattern) {
  return execFileSync("sh", ["-c", `ls -d ${pattern} 2>/dev/null || true`], { encoding: "utf8" })
    .split("\n")
    .filter((path) => path !== "");
}

if (process.argv[2] === "--measure") {
  await measureFile(process.argv[3]);
} else {
  const paths = process.argv.length > 2 ? process.argv.slice(2) : defaultFiles();
  const table = {};
  for (const path of paths) {
    const output = execFileSync(process.execPath, [fileURLToPath(import.meta.url), "--measure", path]);
    const figures = Object.entries(JSON.parse(output));
    table[path.split("/").at(-1)] = Object.fromEntries(
      figures.map(([name, value]) => [name, Number.isInteger(value) ? value : Number(value.toFixed(2))]),
    );
  }
  console.table(table);
}
