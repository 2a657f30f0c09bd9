import assert from "node:assert/strict";
import { type Companions, lookUpLines } from "#src/debuginfo/debug-info.js";
import { openProgram } from "./elf-image.js";
import { llvmSymbolizer } from "./llvm-symbolizer.js";
import { randomAddresses } from "./random-addresses.js";
import { chainOf, framesOf, placesOf } from "./symbolizer-verdict.js";

const ADDRESSES = 4000;

export interface CompareOptions {
  /** What llvm-symbolizer reads, and whose addresses are taken; the file itself unless told. */
  readonly program?: string;
  /** Whose .text the addresses are of, when the program has only debug information. */
  readonly code?: string;
  readonly companions?: Companions;
}

/** Compares a file's lines with llvm-symbolizer's on random addresses; gives how many of them have inlined calls. */
export function compareLines(
  file: string,
  { program = file, code = program, companions }: CompareOptions = {},
): number {
  const addresses = randomAddresses(openProgram(code), ADDRESSES);
  const limits = { deadlineMs: Infinity, maxInflatedBytes: 1 << 28 };
  const answers = lookUpLines(openProgram(file), addresses, companions ? { ...limits, companions } : limits);
  const expected = llvmSymbolizer(program, addresses);
  assert.equal(answers.length, expected.length);
  const chains: string[] = [];
  const places: string[] = [];
  for (const [at, answer] of answers.entries()) {
    const [ours, theirs] = [framesOf(answer), expected[at]];
    const where = `0x${addresses[at].toString(16)} ${answer.problem ?? ""}`;
    if (chainOf(ours) !== chainOf(theirs)) chains.push(`${where}: ${chainOf(ours)} instead of ${chainOf(theirs)}`);
    if (placesOf(ours) !== placesOf(theirs)) places.push(`${where}: ${placesOf(ours)} instead of ${placesOf(theirs)}`);
    assert.ok(answer.from <= addresses[at] && addresses[at] < answer.limit, where);
  }
  // 99.9 and 99.5 % are asked for; where compilers and llvm-symbolizer are those of Debian 12, all are equal.
  assert.ok(chains.length <= addresses.length / 1000, chains.slice(0, 5).join("\n"));
  assert.ok(places.length <= addresses.length / 200, places.slice(0, 5).join("\n"));
  return answers.filter(({ lines }) => lines.length > 1).length;
}
