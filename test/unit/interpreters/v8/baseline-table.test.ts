import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { readBaselineTable } from "#src/interpreters/v8/baseline-table.js";
import { heapLayout } from "#src/interpreters/v8/heap-layout.js";
import { fuzz } from "../../../support/fuzz.js";

const NODE_20 = heapLayout("11.3.244.8-node.20")!;

describe("baseline code's table of bytecodes", () => {
  it("tells where the code of each bytecode begins", () => {
    // LdaSmi 1; Wide LdaSmi 300; Return
    const bytecodes = Uint8Array.of(0x0d, 1, 0x00, 0x0d, 0x2c, 1, 0xa9);
    assert.deepEqual(readBaselineTable(Uint8Array.of(22, 10, 0x80, 1, 5), bytecodes, NODE_20), {
      bytecodeOffsets: Uint32Array.of(0, 2, 6),
      pcs: Uint32Array.of(22, 32, 160),
    });
  });

  it("is none where it does not belong to the bytecodes", () => {
    assert.equal(readBaselineTable(Uint8Array.of(22, 10, 5), Uint8Array.of(0x0d, 1), NODE_20), undefined);
    assert.equal(readBaselineTable(Uint8Array.of(22, 0x80), Uint8Array.of(0x0d, 1), NODE_20), undefined);
    assert.equal(readBaselineTable(Uint8Array.of(22, 1), Uint8Array.of(0xff), NODE_20), undefined);
  });

  it("never makes it throw", () => {
    fuzz(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 200 }), (table, bytecodes) => {
        readBaselineTable(table, bytecodes, NODE_20);
      }),
      500,
    );
  });

  it("knows sizes of all bytecodes, of all versions", () => {
    for (const version of ["10.2.1", "11.3.1", "12.4.1", "13.6.1", "14.6.1"]) {
      const [single, double, quadruple] = heapLayout(version)!.bytecodeSizes;
      assert.equal(single.length, double.length);
      assert.equal(single.length, quadruple.length);
      for (let bytecode = 0; bytecode < single.length; bytecode++) {
        const [one, two, four] = [single, double, quadruple].map((row) => parseInt(row[bytecode], 36));
        assert.ok(one >= 1 && one <= two && two <= four);
        // Operands grow, the bytecode and what is a flag do not.
        assert.ok(two - one <= one - 1 && four - two <= 2 * (two - one));
      }
    }
    assert.equal(heapLayout("9.4.146.24"), undefined);
    assert.equal(heapLayout(""), undefined);
  });
});
