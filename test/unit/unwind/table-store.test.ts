import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Executable } from "#src/executables/executable.js";
import type { ExecutableId, ExecutableSerial } from "#src/model/brand.js";
import { executableLayout, executableState } from "#src/native/abi.generated.js";
import type { Session } from "#src/native/addon.js";
import { RULE_FIRST_FREE, RULE_WORDS } from "#src/unwind/rule.js";
import { RuleTable } from "#src/unwind/rules.js";
import { TableStore } from "#src/unwind/table-store.js";
import type { UnwindRows } from "#src/unwind/table.js";

type Call = "createTable" | "map" | "publishTable" | "clearTable" | "updateElement" | "deleteElement";

/** The kernel side's maps, in memory; each call asks first whether it is to fail. */
function session(fails: (call: Call) => boolean) {
  const entries = new Map<string, Uint8Array>();
  const slots = new Map<number, object>();
  let tables = 0;
  const check = (call: Call) => {
    if (fails(call)) {
      throw Object.assign(new Error(`${call}: ENOMEM`), { code: "ENOMEM", operation: call, log: "" });
    }
  };
  const name = (key: Uint8Array) => Buffer.from(key).toString("hex");
  const fake: Partial<Session> = {
    createTable: (elements) => {
      check("createTable");
      tables++;
      let bytes = new ArrayBuffer(elements * 8);
      return {
        get memory() {
          return fails("map") ? undefined : bytes;
        },
        elements,
        unmap: () => {
          bytes = structuredClone(bytes, { transfer: [bytes] });
        },
        release: () => {
          tables--;
        },
      };
    },
    publishTable: async (slot, table) => {
      await Promise.resolve();
      check("publishTable");
      slots.set(slot, table);
    },
    clearTable: async (slot) => {
      await Promise.resolve();
      check("clearTable");
      slots.delete(slot);
    },
    updateElement: (_map, key, value) => {
      check("updateElement");
      entries.set(name(key), value.slice());
    },
    deleteElement: (_map, key) => {
      check("deleteElement");
      return entries.delete(name(key));
    },
    lookupElement: (_map, key, value) => {
      const found = entries.get(name(key));
      value.set(found ?? []);
      return found !== undefined;
    },
  };
  return {
    session: fake as Session,
    slots,
    tables: () => tables,
    stateOf: (executable: Executable) => {
      const entry = entries.get(name(executable.key.bytes));
      return entry && new DataView(entry.buffer).getUint32(executableLayout.state, true);
    },
    slotOf: (executable: Executable) =>
      new DataView(entries.get(name(executable.key.bytes))!.buffer).getUint32(executableLayout.slot, true),
  };
}

function executable(n: number): Executable {
  return {
    id: n as ExecutableId,
    serial: n as ExecutableSerial,
    key: { inode: BigInt(n), size: 1n, ctimeNs: 1n, device: 1, generation: 1, bytes: new Uint8Array(32).fill(n) },
    path: `/f${n}`,
    content: { kind: "none" },
    state: "converting",
    evictedAtMs: 0,
    retryAtMs: 0,
    lastWindow: 0,
    isUnlinked: false,
    hitsSeen: 0n,
    interpreter: undefined,
  };
}

/** As many rows as said, in one page, of one rule. */
function rows(count: number): UnwindRows {
  return {
    fileOffsets: Uint32Array.from({ length: count }, (_, i) => i * 16),
    ruleIndices: new Uint16Array(count).fill(RULE_FIRST_FREE),
    rules: new Uint8Array(RULE_WORDS * 4),
  };
}

function store(kernel: ReturnType<typeof session>, memoryBytes = 1 << 20): TableStore {
  return new TableStore(kernel.session, new RuleTable(new Uint8Array(16 * 16384)), { memoryBytes, slots: 4 });
}

describe("TableStore", () => {
  it("walks a file by frame pointer for a while when the kernel has no memory for its table", async () => {
    const failing = new Set<string>(["createTable"]);
    const kernel = session((call) => failing.has(call));
    const tables = store(kernel);
    const one = executable(1);
    tables.announce(one);
    tables.publish(one, rows(10));
    assert.equal(one.state, "no-rows");
    assert.equal(kernel.stateOf(one), executableState.noRows);
    assert.ok(one.retryAtMs > performance.now());
    assert.deepEqual([...tables.problems], [["table-refused", 1]]);
    assert.equal(tables.lastProblem, "createTable: ENOMEM");

    failing.clear();
    tables.publish(one, rows(10));
    await tables.settled();
    assert.equal(one.state, "ready");
    assert.equal(one.retryAtMs, 0);
    assert.equal(kernel.stateOf(one), executableState.ready);
  });

  it("takes a table back that the kernel would not put in its slot", async () => {
    const kernel = session((call) => call === "publishTable");
    const tables = store(kernel);
    const one = executable(1);
    tables.publish(one, rows(10));
    assert.equal(one.state, "ready", "here its rows can be walked at once");
    await tables.settled();
    assert.equal(one.state, "no-rows");
    assert.equal(tables.get(one), undefined);
    assert.deepEqual([tables.bytes, tables.tables, kernel.tables()], [0, 0, 0]);
    assert.equal(tables.problems.get("slot-refused"), 1);
  });

  it("shows rows again after they were unmapped, and counts when they cannot be mapped", async () => {
    const failing = new Set<string>();
    const tables = store(session((call) => failing.has(call)));
    const one = executable(1);
    tables.publish(one, rows(10));
    await tables.settled();
    const first = tables.view(one)!;
    const words = [...first.words];
    assert.equal(tables.view(one), first);
    tables.unmap();
    assert.equal(first.words.length, 0);
    assert.deepEqual([...tables.view(one)!.words], words);
    tables.unmap();
    failing.add("map");
    assert.equal(tables.view(one), undefined);
    assert.deepEqual([...tables.problems], [["table-refused", 1]]);
    failing.clear();
    assert.deepEqual([...tables.view(one)!.words], words);
    assert.equal(tables.view(executable(2)), undefined);
  });

  it("evicts the least sampled when its budget is made smaller, and keeps what fits", async () => {
    const kernel = session(() => false);
    const tables = store(kernel);
    const files = [1, 2, 3].map(executable);
    for (const file of files) tables.publish(file, rows(100));
    await tables.settled();
    const one = tables.bytes / 3;
    tables.resize(one * 1.5);
    assert.equal(tables.tables, 1);
    assert.equal(tables.evictions, 2);
    assert.equal(files.filter(({ state }) => state === "evicted").length, 2);
    tables.resize(1 << 20);
    assert.equal(tables.tables, 1);
    tables.publish(executable(4), rows(100));
    assert.equal(tables.tables, 2);
  });

  it("forgets an executable with its entry, its table and its slot", async () => {
    const kernel = session(() => false);
    const tables = store(kernel);
    const one = executable(1);
    tables.publish(one, rows(10));
    await tables.settled();
    assert.ok(tables.forget(one));
    await tables.settled();
    assert.equal(kernel.stateOf(one), undefined);
    assert.deepEqual([tables.bytes, tables.tables, kernel.tables(), kernel.slots.size], [0, 0, 0, 0]);
  });

  it("keeps an executable that the kernel would not forget", () => {
    const kernel = session((call) => call === "deleteElement");
    const tables = store(kernel);
    const one = executable(1);
    tables.publish(one, rows(10));
    assert.ok(!tables.forget(one));
    assert.notEqual(tables.get(one), undefined);
  });

  it("never points the kernel at a slot of another file, whatever fails when", async () => {
    const step = fc.tuple(fc.constantFrom("publish", "forget", "settle"), fc.nat(7), fc.integer({ min: 1, max: 4000 }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 30 }),
        async (steps, failures) => {
          let call = 0;
          const kernel = session(() => failures[call++ % failures.length] && call < 200);
          const tables = store(kernel, 40_000);
          const all = Array.from({ length: 8 }, (_, n) => executable(n));
          for (const [what, n, count] of steps) {
            if (what === "publish" && tables.get(all[n]) === undefined) tables.publish(all[n], rows(count));
            else if (what === "forget") tables.forget(all[n]);
            else await tables.settled();
            assert.ok(tables.bytes <= 40_000 && tables.tables <= 4);
          }
          await tables.settled();
          for (const one of all) {
            if (kernel.stateOf(one) === executableState.ready) {
              const published = tables.get(one);
              assert.ok(published, "its table is here");
              assert.equal(kernel.slotOf(one), published.slot);
              assert.equal(kernel.slots.get(published.slot), published.table);
            }
          }
          assert.equal(kernel.tables(), tables.tables, "each table that is not published was released");
        },
      ),
      { numRuns: 300 },
    );
  });
});
