import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Conversions } from "#src/capture/conversions.js";
import { FirstSights } from "#src/capture/first-sights.js";
import { ExecutableRegistry } from "#src/executables/registry.js";
import { outcome, registersLayout } from "#src/native/abi.generated.js";
import type { Session } from "#src/native/addon.js";
import type { FileKey, FirstSight } from "#src/native/first-sight.js";
import { CFA_SP, emptyRule, packRule, RULE_FIRST_FREE, RULE_WORDS, SAVE_CFA } from "#src/unwind/rule.js";
import { RuleTable } from "#src/unwind/rules.js";
import { TableStepper } from "#src/unwind/table-stepper.js";
import { TableStore } from "#src/unwind/table-store.js";
import type { ConversionResult } from "#src/unwind/table.js";
import { Uint32Column } from "#src/util/column.js";

/** The kernel side's maps, in memory: what TableStore needs of a session. */
function memorySession(): Session {
  const elements = new Map<string, Uint8Array>();
  const name = (map: string, key: Uint8Array) => `${map}:${Buffer.from(key).toString("hex")}`;
  const session: Partial<Session> = {
    createTable: (elements) => {
      const memory = new ArrayBuffer(elements * 8);
      return { memory, elements, unmap: () => undefined, release: () => undefined };
    },
    publishTable: () => Promise.resolve(),
    clearTable: () => Promise.resolve(),
    updateElement: (map, key, value) => void elements.set(name(map, key), value.slice()),
    lookupElement: (map, key, value) => {
      const found = elements.get(name(map, key));
      if (found !== undefined) {
        value.set(found);
      }
      return found !== undefined;
    },
  };
  return session as Session;
}

const CODE = 0x400000;
const STACK = 0x7fff0000;

function fileKey(n: number): FileKey {
  return { inode: BigInt(n), size: 9n, ctimeNs: 9n, device: 1, generation: 1, bytes: new Uint8Array(32).fill(n) };
}

/** One frame of 16 bytes everywhere: CFA = sp + 16, the return address below it. */
function rowsOfOneRule(): ConversionResult {
  const rules = new Uint32Array(RULE_WORDS);
  packRule({ ...emptyRule(), cfaKind: CFA_SP, cfaOffset: 16, raKind: SAVE_CFA, raOffset: -8 }, rules, 0);
  return {
    rows: {
      fileOffsets: Uint32Array.of(0),
      ruleIndices: Uint16Array.of(RULE_FIRST_FREE),
      rules: new Uint8Array(rules.buffer),
    },
    problems: [],
    fdes: 1,
    badFdes: 0,
  };
}

/** A stack of three frames in two files, each return address 16 bytes above the last, ended by a zero. */
function sight(files: readonly number[], stackBytes = 64): FirstSight {
  const registers = new DataView(new ArrayBuffer(registersLayout.sizeOf));
  registers.setBigUint64(registersLayout.ip, BigInt(CODE + 0x100), true);
  registers.setBigUint64(registersLayout.sp, BigInt(STACK), true);
  const stack = new DataView(new ArrayBuffer(64));
  stack.setBigUint64(8, BigInt(CODE + 0x1200), true);
  stack.setBigUint64(24, BigInt(CODE + 0x300), true);
  stack.setBigUint64(40, 0n, true);
  return {
    cpu: 0,
    sequence: 1,
    pid: 77,
    mappings: files.map((file, i) => ({
      start: CODE + i * 0x1000,
      end: CODE + (i + 1) * 0x1000,
      fileOffset: 0,
      key: fileKey(file),
    })),
    mappingsTruncated: false,
    registers,
    stacks: [{ start: STACK, bytes: new Uint8Array(stack.buffer, 0, stackBytes) }],
    stackTruncated: stackBytes < 64,
  };
}

interface Finished {
  readonly outcome: number;
  readonly offsets: readonly number[];
  readonly ids: readonly number[];
}

function setUp(options: { canOpen?: (inode: bigint) => boolean; memoryBytes?: number } = {}) {
  const finished: Finished[] = [];
  const conversionsAsked: string[] = [];
  let release: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const ruleMemory = new ArrayBuffer(16 * 16384);
  const registry = new ExecutableRegistry(16, (_pid, { key }) =>
    (options.canOpen?.(key.inode) ?? true)
      ? { fd: 900 + Number(key.inode), path: `/f${key.inode}` }
      : { problem: "process-gone" },
  );
  const tables = new TableStore(memorySession(), new RuleTable(new Uint8Array(ruleMemory)), {
    memoryBytes: 1 << 20,
    slots: 16,
  });
  const conversions = new Conversions(
    tables,
    { take: () => undefined },
    async (content) => {
      conversionsAsked.push(content.kind === "file" ? String(content.fd) : "memory");
      await gate;
      return { ...rowsOfOneRule(), interpreter: undefined };
    },
    (executable) => {
      firstSights.settled(executable);
    },
  );
  const firstSights: FirstSights = new FirstSights(
    {
      registry,
      tables,
      conversions,
      stepper: new TableStepper("x86-64", new Uint32Array(ruleMemory)),
      finish: (_header, frames, _kernelFrames, ended) => {
        const words = frames.view();
        finished.push({
          outcome: ended,
          offsets: [...words].filter((_, i) => i % 2 === 0),
          ids: [...words].filter((_, i) => i % 2 === 1).map((high) => high >>> 8),
        });
      },
    },
    options.memoryBytes ?? 1 << 20,
  );
  const add = (first: FirstSight) => {
    firstSights.add(new Uint32Array(16), new Uint32Column(8), 0, first);
  };
  return { add, firstSights, conversions, conversionsAsked, finished, registry, release };
}

describe("FirstSights", () => {
  it("finishes a stack through two new files, each converted once, however many samples wait", async () => {
    const { add, conversions, conversionsAsked, finished, release, firstSights } = setUp();
    add(sight([1, 2]));
    add(sight([1, 2]));
    assert.equal(finished.length, 0);
    assert.equal(firstSights.count, 2);
    release();
    while (conversions.busy) {
      await conversions.idle();
    }
    const stack = { outcome: outcome.complete, offsets: [0x100, 0x1ff, 0x2ff], ids: [0, 1, 0] };
    assert.deepEqual(finished, [stack, stack]);
    assert.deepEqual(conversionsAsked, ["901", "902"]);
  });

  it("has the file converted that the record is about, though no frame led to it, and does not wait for it", async () => {
    const { add, conversions, conversionsAsked, finished, release, registry } = setUp();
    const compiled = sight([0]);
    const [anonymous] = compiled.mappings;
    const runtime = { start: 0x9000_0000, end: 0x9000_1000, fileOffset: 0, key: fileKey(3) };
    const noFile = { ...fileKey(0), size: 0n, ctimeNs: 0n, device: 0, generation: 0 };
    add({ ...compiled, mappings: [runtime, { ...anonymous, key: noFile }] });
    add({ ...compiled, mappings: [runtime, { ...anonymous, key: noFile }] });
    assert.equal(finished.length, 2, "they end as they can");
    assert.equal(registry.find(runtime.key)?.state, "converting");
    release();
    while (conversions.busy) await conversions.idle();
    assert.deepEqual(conversionsAsked, ["903"]);
  });

  it("waits for a file that could not be opened, until another process shows it", async () => {
    let there = false;
    const { add, conversions, finished, release, firstSights } = setUp({ canOpen: (inode) => inode !== 2n || there });
    add(sight([1, 2]));
    release();
    while (conversions.busy) {
      await conversions.idle();
    }
    assert.equal(finished.length, 0);
    there = true;
    add(sight([2, 1]));
    while (conversions.busy) {
      await conversions.idle();
    }
    assert.equal(finished.length, 2);
    assert.equal(firstSights.count, 0);
  });

  it("keeps what it has of a stack whose file never came, and says so", () => {
    const { add, finished, firstSights } = setUp({ canOpen: () => false });
    add(sight([1, 2]));
    firstSights.giveUp();
    assert.deepEqual(finished, [{ outcome: outcome.fileUnavailable, offsets: [], ids: [] }]);
  });

  it("waits through one whole window for a file that nobody showed, and no longer", () => {
    const { add, finished, firstSights, registry } = setUp({ canOpen: () => false });
    add(sight([1, 2]));
    firstSights.giveUpOld();
    registry.nextWindow();
    assert.equal(firstSights.count, 1, "it came in the window that ended");
    add(sight([1, 2]));
    firstSights.giveUpOld();
    registry.nextWindow();
    assert.equal(firstSights.count, 1);
    assert.deepEqual(finished, [{ outcome: outcome.fileUnavailable, offsets: [], ids: [] }]);
  });

  it("waits as long as it takes for rows that are being made", () => {
    const { add, firstSights, registry } = setUp();
    add(sight([1, 2]));
    for (let i = 0; i < 5; i++) {
      firstSights.giveUpOld();
      registry.nextWindow();
    }
    assert.equal(firstSights.count, 1);
  });

  it("gives up the oldest when copies take more than their budget", () => {
    const { add, finished, firstSights } = setUp({ memoryBytes: 300 });
    for (let i = 0; i < 5; i++) {
      add(sight([1, 2]));
    }
    assert.ok(firstSights.count < 5 && firstSights.count > 0);
    assert.ok(finished.length === 5 - firstSights.count);
    assert.ok(finished.every(({ outcome: ended }) => ended === outcome.pendingDropped));
  });

  it("tells a copy that was too short from a stack that cannot be read", async () => {
    const { add, conversions, finished, release } = setUp();
    add(sight([1, 2], 24));
    release();
    while (conversions.busy) {
      await conversions.idle();
    }
    assert.deepEqual(finished, [{ outcome: outcome.copyTooShort, offsets: [0x100, 0x1ff], ids: [0, 1] }]);
  });

  it("ends outside every mapping, and says when the list of them was cut", async () => {
    const { add, conversions, finished, release } = setUp();
    add(sight([1]));
    add({ ...sight([1]), mappingsTruncated: true });
    release();
    while (conversions.busy) {
      await conversions.idle();
    }
    assert.deepEqual(
      finished.map(({ outcome: ended }) => ended),
      [outcome.noMapping, outcome.copyTooShort],
    );
  });
});
