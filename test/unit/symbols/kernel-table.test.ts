import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import fc from "fast-check";
import { resolveByTable, resolveKernelSymbols, type KernelSymbols } from "#src/symbols/kallsyms.js";
import { KernelTable, readKernelTable } from "#src/symbols/kernel-table.js";

const directory = mkdtempSync(join(tmpdir(), "hostflame-kernel-table-"));
after(() => rmSync(directory, { recursive: true }));
const file = join(directory, "kallsyms");

function inWords({ names, nameIndices, symbolStarts, symbolLimits }: KernelSymbols): string[] {
  return Array.from(nameIndices, (index, at) =>
    index < 0 ? "-" : `${names[index].systemName} ${symbolStarts[at].toString(16)} ${symbolLimits[at].toString(16)}`,
  );
}

function agree(addresses: BigUint64Array, path?: string): void {
  const data = readKernelTable(path);
  assert.ok(data);
  const table = new KernelTable(data);
  const covered = addresses.filter((address) => table.covers(address));
  assert.deepEqual(inWords(resolveByTable(covered, table)), inWords(resolveKernelSymbols(covered, path)));
}

describe("KernelTable", () => {
  it("says what a pass over the same symbols says, aliases, data and long functions too", () => {
    const name = fc.stringMatching(/^[a-z_.0-9]{1,12}$/);
    const symbol = fc.tuple(
      fc.integer({ min: 0, max: 0x300000 }),
      fc.constantFrom("t", "T", "w", "W", "d", "D", "r", "R", "b", "B"),
      name,
      fc.boolean(),
    );
    fc.assert(
      fc.property(
        fc.array(symbol, { maxLength: 400 }),
        fc.array(fc.integer({ min: -5, max: 0x300010 }), { minLength: 1, maxLength: 50 }),
        (symbols, sought) => {
          const at = (offset: number) => (0xffffffff81000000n + BigInt(offset)).toString(16);
          const lines = symbols.map(([offset, type, text, inModule]) =>
            inModule ? `${at(offset + 0x40000000)} ${type} ${text}\t[mod]` : `${at(offset)} ${type} ${text}`,
          );
          writeFileSync(file, [`${at(0)} T _text`, ...lines, `${at(0x300000)} T _etext`, ""].join("\n"));
          agree(BigUint64Array.from(new Set(sought), (offset) => 0xffffffff81000000n + BigInt(offset)).sort(), file);
        },
      ),
      { numRuns: 100 },
    );
  });

  it("is this machine's kernel", { skip: process.getuid?.() !== 0 && "needs root" }, () => {
    const data = readKernelTable();
    assert.ok(data && data.starts.length > 10_000);
    const span = data.starts[data.starts.length - 1];
    const addresses = Array.from({ length: 1000 }, () => data.base + BigInt(Math.floor(Math.random() * span)));
    agree(BigUint64Array.from(new Set(addresses)).sort());
    const { bytes } = new KernelTable(data);
    assert.ok(bytes < 16 * data.starts.length, `${bytes} bytes for ${data.starts.length} symbols`);
  });

  it("is not to be had where addresses are hidden, bounds are missing, or there is no file", () => {
    writeFileSync(file, "0000000000000000 T _text\n0000000000000000 T _etext\n");
    assert.equal(readKernelTable(file), undefined);
    writeFileSync(file, "ffffffff81000000 T _text\n");
    assert.equal(readKernelTable(file), undefined);
    assert.equal(readKernelTable(join(directory, "none")), undefined);
  });

  it("takes any bytes for a list of symbols", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
        writeFileSync(
          file,
          Buffer.concat([
            Buffer.from("ffffffff81000000 T _text\n"),
            bytes,
            Buffer.from("\nffffffff81001000 T _etext\n"),
          ]),
        );
        const data = readKernelTable(file);
        if (data !== undefined) new KernelTable(data).find(data.base);
      }),
      { numRuns: 200 },
    );
  });
});
