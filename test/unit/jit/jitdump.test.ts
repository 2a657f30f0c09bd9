import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Jitdump } from "#src/jit/jitdump.js";
import { GrowingBytes } from "../../support/growing-bytes.js";
import { dumpClose, dumpHeader, dumpLines, dumpLoad, dumpMove, dumpRecord } from "../../support/jitdump-builder.js";

const ALL = 1 << 30;

function read(...records: readonly Uint8Array[]): Jitdump {
  const dump = new Jitdump(new GrowingBytes(Buffer.concat([dumpHeader(), ...records])));
  assert.equal(dump.readOn(ALL).outcome, "read");
  return dump;
}

function at(dump: Jitdump, ...addresses: readonly number[]): (string | undefined)[] {
  return dump.find(Float64Array.from(addresses)).map((code) => code && `${code.name} ${code.fileName}:${code.line}`);
}

describe("a jitdump", () => {
  it("tells what is at an address, the later of two", () => {
    const dump = read(
      dumpLoad(0x1000, 0x100, "old"),
      dumpLoad(0x1080, 0x10, "new one"),
      dumpRecord(4, Buffer.alloc(24)),
    );
    assert.deepEqual(at(dump, 0x1000, 0x1088, 0x1090, 0x1100), ["old :0", "new one :0", "old :0", undefined]);
  });

  it("tells lines, of the file that the code begins in", () => {
    const lines = [
      { address: 0x1000, line: 3, fileName: "a.c" },
      { address: 0x1010, line: 70, fileName: "inlined.h" },
      { address: 0x1020, line: 4, fileName: "a.c" },
      { address: 0x1030, line: 5, fileName: "" },
    ];
    const dump = read(dumpLines(0x1000, lines), dumpLoad(0x1000, 0x100, "f"), dumpLoad(0x2000, 0x100, "g"));
    const wanted = ["f a.c:3", "f a.c:0", "f a.c:4", "f a.c:5", "f a.c:5", "g :0"];
    assert.deepEqual(at(dump, 0x1008, 0x1010, 0x1020, 0x1030, 0x10ff, 0x2000), wanted);
  });

  it("tells V8's lines, which begin an ELF header later", () => {
    const lines = [
      { address: 0x1040, line: 3, fileName: "x.js" },
      { address: 0x1060, line: 4, fileName: "x.js" },
    ];
    const dump = read(dumpLines(0x1000, lines), dumpLoad(0x1000, 0x100, "JS:*f x.js:3:1"));
    assert.deepEqual(at(dump, 0x1000, 0x1020), ["JS:*f x.js:3:1 x.js:3", "JS:*f x.js:3:1 x.js:4"]);
  });

  it("leaves out lines of code that does not follow them", () => {
    const lines = [{ address: 0x1000, line: 3, fileName: "a.c" }];
    assert.deepEqual(
      at(read(dumpLines(0x1000, lines), dumpLoad(0x2000, 0x10, "g"), dumpLoad(0x1000, 0x10, "f")), 0x1000),
      ["f :0"],
    );
  });

  it("follows code that moves, and passes over a move of nothing", () => {
    const dump = read(dumpLoad(0x1000, 0x10, "f"), dumpMove(0x1000, 0x5000, 0x10), dumpMove(0x7000, 0x8000, 0x10));
    assert.deepEqual(at(dump, 0x5008, 0x8000), ["f :0", undefined]);
    const again = read(dumpLoad(0x1000, 0x10, "f"), dumpMove(0x1000, 0x5000, 0x10), dumpMove(0x5000, 0x6000, 0x10));
    assert.deepEqual(at(again, 0x6000), ["f :0"]);
  });

  it("waits for the end of the last record, and goes on from a state", () => {
    const load = dumpLoad(0x2000, 0x10, "late");
    const source = new GrowingBytes(Buffer.concat([dumpHeader(), dumpLoad(0x1000, 0x10, "f"), load.subarray(0, 60)]));
    const first = new Jitdump(source);
    assert.equal(first.readOn(ALL).outcome, "read");
    assert.deepEqual(at(first, 0x1000, 0x2000), ["f :0", undefined]);
    source.append(load.subarray(60));
    const second = new Jitdump(source, structuredClone(first.state));
    assert.deepEqual(second.readOn(ALL), { outcome: "read", bytes: load.length });
    assert.deepEqual(at(second, 0x1000, 0x2000), ["f :0", "late :0"]);
    source.bytes = Buffer.concat([dumpHeader(), dumpLoad(0x3000, 0x10, "anew")]);
    second.readOn(ALL);
    assert.deepEqual(at(second, 0x1000, 0x3000), [undefined, "anew :0"]);
  });

  it("ends where it is closed, and waits for a header", () => {
    assert.deepEqual(at(read(dumpClose(), dumpLoad(0x1000, 0x10, "f")), 0x1000), [undefined]);
    assert.deepEqual(new Jitdump(new GrowingBytes(dumpHeader().subarray(0, 20))).readOn(ALL), {
      outcome: "read",
      bytes: 0,
    });
  });

  it("is malformed with another magic or version, or a record shorter than its own head", () => {
    const swapped = dumpHeader();
    swapped.subarray(0, 4).reverse();
    const version = dumpHeader();
    version.writeUInt32LE(2, 4);
    const records = [
      dumpRecord(0, Buffer.alloc(8)),
      dumpRecord(1, Buffer.alloc(8)),
      dumpRecord(2, Buffer.alloc(8)),
      dumpRecord(9, Buffer.alloc(0), 4),
    ];
    for (const bytes of [swapped, version, ...records.map((record) => Buffer.concat([dumpHeader(), record]))]) {
      const dump = new Jitdump(new GrowingBytes(bytes));
      assert.equal(dump.readOn(ALL).outcome, "malformed");
      assert.deepEqual(dump.readOn(ALL), { outcome: "malformed", bytes: 0 });
    }
  });

  it("is read in parts", () => {
    const loads = Array.from({ length: 500 }, (_, row) => dumpLoad(0x1000 * row, 0x1000, `f${row}`, 400));
    const dump = new Jitdump(new GrowingBytes(Buffer.concat([dumpHeader(), ...loads])));
    assert.equal(dump.readOn(100_000).outcome, "postponed");
    assert.equal(dump.readOn(ALL).outcome, "read");
    assert.deepEqual(at(dump, 0x1000 * 499), ["f499 :0"]);
  });

  it("never throws, whatever is in it and however it grows", () => {
    const address = fc.oneof(fc.integer({ min: 0, max: 0x4000 }), fc.integer({ min: 2 ** 45, max: 2 ** 52 }));
    const lines = fc.array(
      fc.record({ address, line: fc.integer({ min: -5, max: 2 ** 31 - 1 }), fileName: fc.string() }),
      { maxLength: 9 },
    );
    const piece = fc.oneof(
      fc.tuple(address, fc.integer({ min: 0, max: 4096 }), fc.string()).map((load) => dumpLoad(...load)),
      fc.tuple(address, address, fc.integer({ min: 0, max: 4096 })).map((move) => dumpMove(...move)),
      fc.tuple(address, lines).map((record) => dumpLines(...record)),
      fc
        .tuple(
          fc.integer({ min: 0, max: 6 }),
          fc.uint8Array({ maxLength: 100 }),
          fc.option(fc.integer({ min: 0, max: 2 ** 32 - 1 })),
        )
        .map(([id, body, bytes]) => dumpRecord(id, body, bytes ?? undefined)),
      fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
    );
    const steps = fc.array(fc.tuple(fc.array(piece, { maxLength: 6 }), fc.integer({ min: 0, max: 2000 })), {
      maxLength: 5,
    });
    fc.assert(
      fc.property(steps, fc.boolean(), (all, hasHeader) => {
        const source = new GrowingBytes(hasHeader ? dumpHeader() : "");
        let dump = new Jitdump(source, undefined, 64);
        for (const [pieces, most] of all) {
          source.append(Buffer.concat(pieces));
          dump = new Jitdump(source, dump.state, 64);
          const result = dump.readOn(most);
          assert.notEqual(result.outcome, "read-failed");
          for (const code of dump.find(Float64Array.of(0, 0x1000, 0x2000, 2 ** 46))) {
            assert.ok(code === undefined || code.line >= 0);
          }
        }
      }),
    );
  });
});
