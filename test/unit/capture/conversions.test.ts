import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Conversions } from "#src/capture/conversions.js";
import type { Executable } from "#src/executables/executable.js";
import type { TableStore } from "#src/unwind/table-store.js";
import { until } from "../../support/until.js";

const TOOK_MS = 5;

function conversions(): Conversions {
  const tables: Pick<TableStore, "announce" | "publishNone"> = {
    announce: () => undefined,
    publishNone: () => undefined,
  };
  const convert = async () => {
    await sleep(TOOK_MS);
    return { rows: undefined, interpreter: undefined, problems: [], fdes: 0, badFdes: 0 };
  };
  return new Conversions(tables as TableStore, { take: () => undefined }, convert, () => undefined);
}

function file(size: number): Executable {
  return { key: { size: BigInt(size) }, content: { kind: "none" } } as Executable;
}

describe("conversions", () => {
  it("rest between two files, in proportion to what the one before took", async () => {
    const working = conversions();
    working.restFactor = 20;
    for (let size = 0; size < 3; size++) working.request(file(size));
    const start = performance.now();
    await until(() => working.converted === 3);
    assert.ok(performance.now() - start >= 2 * 20 * TOOK_MS * 0.9);
    working.hurry();
    await working.idle();
  });

  it("hurry where what waits is wanted at once", async () => {
    const working = conversions();
    working.restFactor = 1e6;
    for (let size = 0; size < 3; size++) working.request(file(size));
    await until(() => working.converted === 1);
    await sleep(20);
    assert.equal(working.converted, 1);
    working.hurry();
    await working.idle();
    assert.equal(working.converted, 3);
  });
});
