import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { FoldedStack } from "./folded.js";

/** Turns `perf script -F comm,pid,tid,ip,sym,dso` into stacks: blocks of a header and frames, leaf first. */
export function parsePerfScript(text: string): FoldedStack[] {
  const counts = new Map<string, FoldedStack & { count: number }>();
  for (const block of text.split("\n\n")) {
    const [header, ...lines] = block.split("\n").filter((line) => line.trim() !== "");
    const comm = /^\s*(.*?)\s+\d+\/\d+/.exec(header ?? "")?.[1];
    if (comm === undefined) continue;
    const frames = lines.map(frameName).reverse();
    const key = [comm, ...frames].join(";");
    const known = counts.get(key);
    if (known === undefined) counts.set(key, { comm, frames, count: 1 });
    else known.count++;
  }
  return [...counts.values()];
}

function frameName(line: string): string {
  const match = /^\s*([0-9a-f]+) (.*) \((.*)\)$/.exec(line);
  if (match === null) return line.trim();
  const [, address, name, file] = match as unknown as [string, string, string, string];
  const kernel = address.startsWith("ffffffff") ? "_[k]" : "";
  const symbol = name.replace(/\+0x[0-9a-f]+$/, "");
  return symbol === "[unknown]" ? `${basename(file)}+0x${address}${kernel}` : `${symbol}${kernel}`;
}

/** The stacks in a file that `perf record` wrote. */
export function readPerfData(path: string): FoldedStack[] {
  const args = ["script", "-i", path, "--no-inline", "-F", "comm,pid,tid,ip,sym,dso"];
  const text = execFileSync("perf", args, {
    encoding: "utf8",
    maxBuffer: 1 << 30,
    stdio: ["ignore", "pipe", "ignore"],
  });
  return parsePerfScript(text);
}

/** Samples the whole machine with perf, which unwinds by .eh_frame from a copy of each stack, while `work` runs. */
export async function perfWhile(frequencyHz: number, work: () => Promise<void>): Promise<FoldedStack[]> {
  const directory = mkdtempSync(join(tmpdir(), "hostflame-perf-"));
  const data = join(directory, "perf.data");
  const args = [
    "record",
    "-q",
    "-a",
    "-e",
    "cpu-clock",
    "-F",
    String(frequencyHz),
    "--call-graph",
    "dwarf,16384",
    "-o",
    data,
  ];
  const perf = spawn("perf", args, { stdio: "ignore" });
  try {
    await sleep(1000);
    await work();
    perf.kill("SIGINT");
    await once(perf, "exit");
    return readPerfData(data);
  } finally {
    perf.kill("SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  }
}
