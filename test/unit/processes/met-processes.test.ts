import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ProcessKey } from "#src/model/process-key.js";
import { MetProcesses } from "#src/processes/met-processes.js";
import { sampleRecord } from "../../support/sample-record.js";

interface Held {
  readonly key: ProcessKey;
  lastWindow: number;
}

function heldOf(pid: number, startTimeNs: bigint): Held {
  return { key: { pid, startTimeNs }, lastWindow: 0 };
}

/** A sample of a process, as the words of its record. */
function wordsOf({ pid, startTimeNs }: ProcessKey): Uint32Array {
  const bytes = sampleRecord({ pid, startTimeNs, frames: [] });
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

function metOf(maxProcesses = 8): { readonly met: MetProcesses<Held>; readonly letGo: Held[] } {
  const letGo: Held[] = [];
  const met = new MetProcesses<Held>({ maxProcesses, keptWindows: 2 }, (held) => letGo.push(held));
  return { met, letGo };
}

/** More than 53 bits, and two that differ in one half only. */
const START = 0x0012_3456_89ab_cdefn;
const OTHER_HIGH = START + (1n << 32n);
const OTHER_LOW = START + 1n;

describe("processes met lately", () => {
  it("are found by pid and start, in a key or in a sample, and no other under that pid is", () => {
    const { met } = metOf();
    const held = heldOf(7, START);
    met.put(held);
    assert.equal(met.find(held.key), held);
    assert.equal(met.meet(wordsOf(held.key), 0), held);
    assert.equal(met.get(7), held);
    for (const startTimeNs of [OTHER_HIGH, OTHER_LOW]) {
      assert.equal(met.find({ pid: 7, startTimeNs }), undefined);
      assert.equal(met.meet(wordsOf({ pid: 7, startTimeNs }), 0), undefined);
    }
    assert.equal(met.find({ pid: 8, startTimeNs: START }), undefined);
  });

  it("make way for another under their pid, and the first for one too many; each is let go once", () => {
    const { met, letGo } = metOf(2);
    const [first, next, second, third] = [heldOf(1, 1n), heldOf(1, 2n), heldOf(2, 1n), heldOf(3, 1n)];
    for (const held of [first, next, second, third]) met.put(held);
    assert.deepEqual(letGo, [first, next]);
    met.letGo(1);
    met.close();
    assert.deepEqual(letGo, [first, next, second, third]);
    assert.equal(met.size, 0);
  });

  it("are kept for two windows after the last in which they were met, and as many as wait to be named", () => {
    const { met, letGo } = metOf();
    const [idle, busy] = [heldOf(1, START), heldOf(2, START)];
    met.put(idle);
    met.put(busy);
    for (let window = 0; window < 2; window++) {
      met.windowWritten(0);
      met.meet(wordsOf(busy.key), 0);
    }
    met.windowWritten(1);
    assert.deepEqual(letGo, []);
    met.meet(wordsOf(busy.key), 0);
    met.windowWritten(0);
    assert.deepEqual(letGo, [idle]);
    assert.deepEqual([...met.values()], [busy]);
  });
});
