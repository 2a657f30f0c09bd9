import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ExecutableId } from "#src/model/brand.js";
import { LocationTable } from "#src/naming/location-table.js";
import { whoRuns } from "#src/naming/who-runs.js";
import { anonymousFrameHigh, nativeFrameHigh } from "#src/native/raw-frame.js";

const [SHELL, LIBC, TOOL] = [3, 70, 500] as ExecutableId[];

/** Stacks of native frames, one after another; an undefined executable is code of no file. */
function tableOf(stacks: readonly (readonly (ExecutableId | undefined)[])[]): LocationTable {
  const frames = stacks.flatMap((stack) =>
    stack.map((id) => (id === undefined ? anonymousFrameHigh(64) : nativeFrameHigh(id, 64))),
  );
  const ends = stacks.map((_, at) => stacks.slice(0, at + 1).flat().length * 2);
  return new LocationTable({
    offsets: Uint32Array.of(0, ...ends),
    words: Uint32Array.from(frames.flatMap((high) => [64, high])),
    kernelFrames: new Uint32Array(stacks.length),
    owners: new Uint32Array(stacks.length),
  });
}

describe("who runs an executable", () => {
  const table = tableOf([[LIBC, SHELL], [undefined, LIBC], [TOOL, LIBC], []]);
  const threads = [{ pid: 10 }, { pid: 11 }, { pid: 12 }];
  const samples = (rows: readonly (readonly [stack: number, thread: number])[]) => ({
    length: rows.length,
    stack: Uint32Array.from(rows, ([stack]) => stack),
    thread: Uint32Array.from(rows, ([, thread]) => thread),
  });

  it("is told as the last and the first process that met it", () => {
    const rows = samples([
      [0, 0],
      [1, 1],
      [2, 1],
      [1, 2],
      [3, 2],
    ]);
    const found = whoRuns(new Set([SHELL, LIBC, TOOL]), table, rows, threads);
    assert.deepEqual(Object.fromEntries(found), { [SHELL]: [10], [LIBC]: [12, 10], [TOOL]: [11] });
  });

  it("is nobody without samples", () => {
    assert.equal(whoRuns(new Set([SHELL]), table, samples([]), threads).size, 0);
  });
});
