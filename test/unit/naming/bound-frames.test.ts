import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CgroupTable } from "#src/capture/cgroups.js";
import type { FirstSights } from "#src/capture/first-sights.js";
import { Intake } from "#src/capture/intake.js";
import { Window } from "#src/capture/window.js";
import type { CgroupId } from "#src/model/cgroup.js";
import { assembleProfile } from "#src/naming/assemble.js";
import { type BoundFrames, type BoundNames, nameBound } from "#src/naming/bound-frames.js";
import { LocationTable } from "#src/naming/location-table.js";
import { frameKind, sampleFlag, sampleLayout } from "#src/native/abi.generated.js";
import { encodePprof } from "#src/profiles/pprof.js";
import { checkValid } from "../../support/check-valid.js";
import { batchOf, sampleRecord, type SampleOptions } from "../../support/sample-record.js";

/** Any interpreter's: the parts under test know none of them by name. */
const KIND = 9;
const NATIVE = 0x30n;
const JIT = (BigInt(frameKind.anonymous) << 60n) | 0x7f00_0000_1000n;

/** An interpreter's frame and its second word. */
function interpreted(address: bigint, cookie: bigint, position: bigint, type = 0n): bigint[] {
  const first = (BigInt(KIND) << 60n) | (type << 48n) | address;
  return [first, (BigInt(frameKind.detail) << 60n) | (cookie << 32n) | position];
}

function bound(options: SampleOptions): Uint8Array {
  const record = sampleRecord(options);
  record[sampleLayout.flags] |= sampleFlag.processBound;
  return record;
}

function windowOf(...records: readonly Uint8Array[]) {
  const kernelMap = { updateElement: () => undefined, lookupElement: () => false, deleteElement: () => false };
  const noSights: unknown = undefined; // no record here has one
  const intake = new Intake(new Window(), noSights as FirstSights, new CgroupTable(kernelMap, 1));
  const told: number[] = [];
  intake.onNewBoundStack = ({ words, header }) => told.push(words[header + sampleLayout.pid / 4]);
  const { cursor, length } = batchOf(...records);
  intake.take(cursor, length);
  return { window: intake.window, told };
}

async function framesOf(window: Window): Promise<{ table: LocationTable; asked: BoundFrames[] }> {
  const table = new LocationTable(window.stacks.columns());
  const asked: BoundFrames[] = [];
  await nameBound(table, window.owners, (frames) => {
    asked.push(frames);
    return Promise.resolve(undefined);
  });
  return { table, asked };
}

describe("frames that mean something in one process only", () => {
  it("make two stacks of two processes, and one of one; others are one in all", () => {
    const { window, told } = windowOf(
      bound({ pid: 7, frames: [JIT, NATIVE] }),
      bound({ pid: 7, frames: [JIT, NATIVE] }),
      bound({ pid: 8, frames: [JIT, NATIVE] }),
      sampleRecord({ pid: 7, frames: [NATIVE] }),
      sampleRecord({ pid: 8, frames: [NATIVE] }),
    );
    assert.equal(window.stacks.length, 3);
    assert.equal(window.owners.length, 2);
    assert.deepEqual([...window.stacks.columns().owners], [1, 2, 0]);
    assert.deepEqual(told, [7, 8], "each stack once");
  });

  it("are asked for by process and kind, an interpreter's two words as one frame", async () => {
    const { window } = windowOf(
      bound({ pid: 7, frames: [JIT, ...interpreted(0x7f11_2233_4450n, 0xabcdef1n, 12n, 3n), NATIVE] }),
      bound({ pid: 7, frames: [...interpreted(0x7f11_2233_4450n, 0xabcdef2n, 12n, 3n), NATIVE] }),
      bound({ pid: 8, frames: [...interpreted(0x7f11_2233_4450n, 0xabcdef1n, 4_000_000_000n), NATIVE] }),
    );
    const { table, asked } = await framesOf(window);
    assert.deepEqual([...table.offsets], [0, 3, 5, 7]);
    const seen = asked.map(({ process, kind, addresses, types, cookies, positions }) => ({
      ...{ pid: process.pid, kind, addresses: [...addresses] },
      ...{ types: [...types], cookies: [...cookies], positions: [...positions] },
    }));
    const code = 0x7f11_2233_4450;
    assert.deepEqual(seen, [
      { pid: 7, kind: 1, addresses: [0x7f00_0000_1000], types: [0], cookies: [0], positions: [0] },
      { pid: 7, kind: 9, addresses: [code, code], types: [3, 3], cookies: [0xabcdef1, 0xabcdef2], positions: [12, 12] },
      { pid: 8, kind: 9, addresses: [code], types: [0], cookies: [0xabcdef1], positions: [4_000_000_000] },
    ]);
  });

  it("are read whatever the words are: a second word alone, one at the end, none", async () => {
    const [first, detail] = interpreted(0x1000n, 1n, 2n);
    const { window } = windowOf(
      bound({ frames: [detail, NATIVE] }),
      bound({ frames: [NATIVE, first] }),
      bound({ frames: [first, detail, detail] }),
    );
    const { table, asked } = await framesOf(window);
    assert.deepEqual([...table.offsets], [0, 2, 4, 6]);
    assert.equal(
      asked.reduce((sum, { addresses }) => sum + addresses.length, 0),
      3,
    );
  });

  it("have the names that their process has for them, and addresses where it has none", async () => {
    const { window } = windowOf(
      bound({ pid: 7, frames: [...interpreted(0x1000n, 1n, 2n), JIT, NATIVE] }),
      bound({ pid: 8, frames: [...interpreted(0x1000n, 1n, 2n), NATIVE] }),
    );
    const locations = new LocationTable(window.stacks.columns());
    const answer = (frames: BoundFrames): BoundNames | undefined => {
      if (frames.kind !== KIND) return undefined;
      return {
        codeKind: "interpreter",
        mapping: "[snake]",
        chainIndices: Int32Array.of(frames.process.pid === 7 ? 0 : -1),
        chains: { offsets: Uint32Array.of(0, 1), functions: Uint32Array.of(0), lines: Uint32Array.of(12) },
        functions: [{ name: "hiss", systemName: "hiss", fileName: "/srv/snake.py", startLine: 10 }],
      };
    };
    const profile = assembleProfile({
      ...{ timeNs: 1n, durationNs: 2n, periodNs: 3, locations },
      demangling: "full",
      executables: new Map(),
      kernel: { locations: new Uint32Array(0), names: [], modules: [] },
      bound: await nameBound(locations, window.owners, (frames) => Promise.resolve(answer(frames))),
      threads: [{ pid: 7, tid: 7, comm: "snake", startTimeNs: 1n, cgroup: 1n as CgroupId }],
      samples: {
        ...{ length: 1, stack: Uint32Array.of(0), thread: Uint32Array.of(0) },
        ...{ count: Uint32Array.of(1), ticks: Uint32Array.of(1) },
      },
    });
    const shown = profile.locations.map(({ kind, mappingIndex, lines: [{ functionIndex, line }] }) => {
      return `${kind} ${profile.functions[functionIndex].name}:${line} in ${profile.mappings[mappingIndex].fileName}`;
    });
    assert.deepEqual(shown, [
      "interpreter hiss:12 in [snake]",
      "jit [anon]+0x7f0000001000:0 in [anon]",
      "jit [anon]+0x30:0 in [anon]",
      "interpreter [snake]+0x1000:0 in [snake]",
    ]);
    checkValid(encodePprof(profile));
  });
});
