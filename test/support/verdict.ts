import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { matchChain } from "./call-tree.js";
import type { FoldedStack } from "./folded.js";
import type { Truth } from "./run-workload.js";
import type { BuiltWorkload, Workload } from "./workload.js";

/** What a recording says of one workload, beside what the workload says of itself. Counts are samples. */
export interface Verdict {
  readonly name: string;
  /** Samples with user frames, of the workload's comms. */
  readonly samples: number;
  /** Of these, the ones whose stack begins where a process or thread begins. */
  readonly whole: number;
  /** Of these, the ones whose stack is a path of the workload's call tree. */
  readonly right: number;
  /** Samples in the workload's branches, and as many as its own measure says there are. */
  readonly kept: number;
  readonly expected: number;
  /** Branch → share of the samples in branches, and of the workload's own measure. */
  readonly shares: Readonly<Record<string, { readonly sampled: number; readonly measured: number }>>;
  /** Stacks that are not whole or not right, most frequent first. */
  readonly wrong: readonly string[];
}

/** Where a user stack begins: by name, or, in a library without that symbol, in libc or the dynamic linker. */
const ROOT =
  /^(_start|_dl_start_user|_{0,2}clone3?|thread_start|__start_context|runtime\.(goexit|mstart|rt0_go|mcall|systemstack|main).*|_rt0_.*|ld-linux.*|(libc\.so\.6|ld-linux-x86-64\.so\.2)\+0x[0-9a-f]+)$/;

/** Resolves `file+0xaddress` by the symbol table of the file that was not stripped. */
function namesOf(path: string): (address: number) => string | undefined {
  const symbols = execFileSync("nm", ["--defined-only", "-n", "-S", path], { encoding: "utf8" })
    .split("\n")
    .map((line) => line.split(/\s+/))
    .filter((parts) => parts.length === 4 && /^[tTwW]$/.test(parts[2]))
    .map(([start, size, , name]) => ({
      start: parseInt(start, 16),
      size: parseInt(size, 16),
      name,
    }));
  return (address) => symbols.find(({ start, size }) => address >= start && address < start + size)?.name;
}

/** gcc puts what is rarely run, landing pads for instance, into a part of its own: `guard(int) [clone .cold]`. */
const CLONE = / \[clone \.[a-z]+(\.\d+)?\]$/;

function renamer(built: BuiltWorkload): (frame: string) => string {
  const { workload } = built;
  if (workload.unstripped === undefined) return (frame) => frame.replace(CLONE, "");
  const nameOf = namesOf(join(built.directory, workload.unstripped));
  return (frame) => {
    const unresolved = /^(.*)\+0x([0-9a-f]+)$/.exec(frame);
    if (unresolved?.[1] !== workload.name) return frame;
    return nameOf(parseInt(unresolved[2], 16)) ?? frame;
  };
}

function matcher(key: string): (frame: string) => boolean {
  if (!key.startsWith("/")) return (frame) => frame === key;
  const pattern = new RegExp(`^(?:${key.slice(1, -1)})$`, "u");
  return (frame) => pattern.test(frame);
}

/** The branch whose function is the innermost in the stack. */
function branchFinder(workload: Workload): (frames: readonly string[]) => string | undefined {
  const branches = Object.entries(workload.branches).map(([name, key]) => ({ name, is: matcher(key) }));
  return (frames) => {
    for (let index = frames.length - 1; index >= 0; index--) {
      const found = branches.find(({ is }) => is(frames[index]));
      if (found !== undefined) return found.name;
    }
    return undefined;
  };
}

/** Judges what a recording holds of one workload. */
export function judge(built: BuiltWorkload, stacks: readonly FoldedStack[], truth: Truth, periodNs: number): Verdict {
  const { workload } = built;
  const comms = new Set(workload.comms ?? [workload.name]);
  const rename = renamer(built);
  const branchOf = branchFinder(workload);
  const sampled: Record<string, number> = {};
  const wrong = new Map<string, number>();
  let samples = 0;
  let whole = 0;
  let right = 0;

  for (const { comm, frames, count } of stacks) {
    if (!comms.has(comm)) continue;
    /* A program's tree is one of calls; what was inlined, into Rust's own library for one, is told only by debug information. */
    const named = frames.filter((frame) => !frame.endsWith("_[i]")).map(rename);
    const branch = branchOf(named);
    if (branch !== undefined) sampled[branch] = (sampled[branch] ?? 0) + count;
    if (named.length > 0 && named.every((frame) => frame.endsWith("_[k]"))) continue;
    samples += count;
    const isWhole = ROOT.test(named[0]);
    const chain = matchChain(named, workload.tree, (frame) => frame.startsWith(`${workload.name}+0x`));
    /* Loading and ending happen outside the tree, wholly in libraries; their share is what the limit of 1 % allows. */
    if (isWhole) whole += count;
    if (chain.right) right += count;
    if (!isWhole || !chain.right) {
      const text = `${isWhole ? "" : "(no root) "}${comm};${named.join(";")}`;
      wrong.set(text, (wrong.get(text) ?? 0) + count);
    }
  }

  const inBranches = Object.keys(workload.branches).reduce((sum, name) => sum + (sampled[name] ?? 0), 0);
  const measuredNs = Object.keys(workload.branches).reduce((sum, name) => sum + (truth.branches[name] ?? 0), 0);
  const shares: Record<string, { sampled: number; measured: number }> = {};
  for (const name of Object.keys(workload.branches)) {
    shares[name] = {
      sampled: (sampled[name] ?? 0) / Math.max(inBranches, 1),
      measured: (truth.branches[name] ?? 0) / measuredNs,
    };
  }
  return {
    name: workload.name,
    samples,
    whole,
    right,
    kept: inBranches,
    expected: measuredNs / periodNs,
    shares,
    wrong: [...wrong].sort((a, b) => b[1] - a[1]).map(([stack, count]) => `${count} ${stack}`),
  };
}

/**
 * A tick falls into a scheduling slice or just beside it, and what a hypervisor steals counts as CPU time for a timer and
 * not for a thread: chance, for one workload on a busy machine. Over all workloads together it evens out, and 1 % is
 * asserted.
 */
const KEPT_AT_LEAST = 0.95;
/** More: samples were counted twice, or a second run of these tests on this machine has programs of the same names. */
const KEPT_AT_MOST = 1.1;

/** What of a verdict falls short of the acceptance, each in a sentence; empty when nothing does. */
export function shortcomings(verdict: Verdict, notWhole: string | undefined): string[] {
  const complaints: string[] = [];
  const share = (part: number): string => `${((100 * part) / Math.max(verdict.samples, 1)).toFixed(2)} %`;
  if (verdict.samples === 0) return ["no samples at all"];
  if (verdict.whole < 0.99 * verdict.samples && notWhole === undefined) {
    complaints.push(`${share(verdict.whole)} of ${verdict.samples} stacks reach their root`);
  }
  if (verdict.right < 0.99 * verdict.samples) complaints.push(`${share(verdict.right)} of stacks are in the call tree`);
  const kept = verdict.kept / verdict.expected;
  if (kept < KEPT_AT_LEAST || kept > KEPT_AT_MOST) {
    complaints.push(`${(100 * kept).toFixed(2)} % of the expected samples were kept`);
  }
  for (const [branch, { sampled, measured }] of Object.entries(verdict.shares)) {
    if (Math.abs(sampled - measured) > 0.02) {
      complaints.push(
        `branch ${branch}: ${(100 * sampled).toFixed(1)} % of samples, ${(100 * measured).toFixed(1)} % of its CPU time`,
      );
    }
  }
  if (complaints.length > 0) complaints.push(...verdict.wrong.slice(0, 5).map((stack) => `  ${stack}`));
  return complaints;
}
