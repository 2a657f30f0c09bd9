#!/usr/bin/env node
/**
 * What it costs to tell functions and lines of a file with debug information: CPU time and peak memory, ours and
 * llvm-symbolizer's, on the same random addresses.
 *
 *     node bench/lines.mjs FILE [ADDRESSES]
 *
 * FILE may be `large`: a program of 590 MB is then made, once, in HOSTFLAME_BENCH_CACHE or a folder of the temporary one. Of a
 * file without debug information the symbols are looked up, as llvm-symbolizer does too.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, fstatSync, openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { hasDebugInfo, lookUpLines } from "../dist/debuginfo/debug-info.js";
import { FileSource } from "../dist/elf/byte-source.js";
import { findSection } from "../dist/elf/elf-file.js";
import { parseElf } from "../dist/elf/parser.js";
import { SymtabResolver } from "../dist/symbols/symtab.js";
import { makeLargeProgram } from "./large-program.mjs";

const MIB = 1024 * 1024;
const ROUNDS = 3;
/** As the agent's worker has it: see WORKER_YOUNG_MB. */
const YOUNG = "--max-semi-space-size=2";

const [file, count = "50000", mode] = process.argv.slice(2);
if (file === undefined) {
  console.error("usage: node bench/lines.mjs FILE|large [ADDRESSES]");
  process.exit(2);
}
const path = file === "large" ? makeLargeProgram() : file;
const fd = openSync(path, "r");
const elf = parseElf(new FileSource(fd, fstatSync(fd).size));
const addresses = randomAddresses(Number(count));
if (mode === "ours") measureOurs();
else compare();
closeSync(fd);

/** Distinct, ascending. */
function randomAddresses(wanted) {
  const { elfAddress, size } = findSection(elf, ".text");
  let state = 1;
  const picked = Float64Array.from({ length: Math.min(wanted, size / 4) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return elfAddress + Math.floor((state / 2 ** 32) * size);
  }).sort();
  return picked.filter((address, row) => address !== picked[row - 1]);
}

function measureOurs() {
  const answered = hasDebugInfo(elf) ? byDebugInfo() : bySymbols();
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  console.log(JSON.stringify({ cpuMs: (userCPUTime + systemCPUTime) / 1000, rssMiB: maxRSS / 1024, answered }));
}

function byDebugInfo() {
  const answers = lookUpLines(elf, addresses, { deadlineMs: Infinity, maxInflatedBytes: 1024 * MIB });
  return answers.filter(({ lines }) => lines.length > 0).length;
}

function bySymbols() {
  const resolver = new SymtabResolver(elf);
  return addresses.filter((address) => typeof resolver.resolve(address) !== "string").length;
}

function compare() {
  const own = [YOUNG, fileURLToPath(import.meta.url), path, count, "ours"];
  const options = ["--inlines", "--functions=linkage", "--no-demangle", `--obj=${path}`];
  const input = Array.from(addresses, (address) => `0x${address.toString(16)}\n`).join("");
  for (let round = 0; round < ROUNDS; round++) {
    const ours = JSON.parse(execFileSync(process.execPath, own, { encoding: "utf8" }));
    const other = spawnSync("/usr/bin/time", ["-f", "%U %S %M", "llvm-symbolizer", ...options], {
      input,
      encoding: "utf8",
      maxBuffer: 2 ** 30,
    });
    const [user, system, kib] = other.stderr.trim().split("\n").at(-1).split(" ").map(Number);
    console.log(
      `${path} (${hasDebugInfo(elf) ? "debug information" : "symbols only"}), ${addresses.length} addresses, ` +
        `${ours.answered} answered: ` +
        `CPU ${(ours.cpuMs / 1000).toFixed(2)} s, llvm-symbolizer ${(user + system).toFixed(2)} s; ` +
        `RSS ${ours.rssMiB.toFixed(0)} MiB, ${(kib / 1024).toFixed(0)} MiB`,
    );
  }
}
