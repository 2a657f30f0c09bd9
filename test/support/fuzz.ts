import assert from "node:assert/strict";
import fc from "fast-check";

/** `FUZZ_MINUTES=10 npm test -- fuzz` looks so long, each property of each reader; else some hundred runs. */
const MINUTES = Number(process.env["FUZZ_MINUTES"] ?? 0);

export function fuzz<T>(property: fc.IPropertyWithHooks<T>, runs: number): void {
  if (MINUTES > 0) {
    fc.assert(property, { numRuns: 1e9, interruptAfterTimeLimit: MINUTES * 60_000, markInterruptAsFailure: false });
  } else {
    fc.assert(property, { numRuns: runs });
  }
}

/** Numbers that lengths, counts and LEB128s take badly. */
export const nasty = fc.constantFrom(0, 1, 0x7f, 0x80, 0xfe, 0xff);

/** One of these files with some of its bytes changed, or cut short. */
export function mutated(seeds: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const change = fc.record({
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    values: fc.array(fc.oneof(fc.nat(255), nasty), { minLength: 1, maxLength: 8 }),
  });
  const keep = fc.oneof({ arbitrary: fc.constant(1), weight: 4 }, fc.double({ min: 0, max: 1, noNaN: true }));
  return fc.tuple(fc.constantFrom(...seeds), fc.array(change, { maxLength: 12 }), keep).map(([seed, changes, part]) => {
    const copy = Uint8Array.from(seed.subarray(0, Math.ceil(seed.length * part)));
    for (const { at, values } of changes) {
      copy.set(values.slice(0, copy.length), Math.floor(at * Math.max(0, copy.length - values.length)));
    }
    return copy;
  });
}

/** Runs it; fails when it takes longer. On a machine that is busy with something else it computes no more: CPU counts too. */
export function withinMs<T>(limitMs: number, run: () => T): T {
  const started = performance.now();
  const cpu = process.cpuUsage();
  const result = run();
  const spent = process.cpuUsage(cpu);
  const elapsedMs = Math.min(performance.now() - started, (spent.user + spent.system) / 1000);
  assert.ok(elapsedMs < limitMs, `${elapsedMs} ms`);
  return result;
}
