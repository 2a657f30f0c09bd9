import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { readCode, readCodeRecord } from "#src/interpreters/python/code-record.js";
import { PythonNames, type PythonNamesOptions } from "#src/interpreters/python/python-names.js";
import type { ProcessKey } from "#src/model/process-key.js";
import { frameKind, limits, pythonCodeLayout as at, recordKind } from "#src/native/abi.generated.js";
import { fuzz, mutated } from "../../support/fuzz.js";

const PROCESS: ProcessKey = { pid: 42, startTimeNs: 1n << 40n };

interface Code {
  readonly process?: ProcessKey;
  readonly address?: number;
  readonly cookie?: number;
  readonly name?: Buffer;
  readonly width?: number;
  readonly table?: readonly number[];
  readonly tableState?: number;
}

/** struct abi_python_code of a function of 3.9 that begins on line 10. */
function record(code: Code): Uint8Array {
  const name = code.name ?? Buffer.from("work");
  const file = Buffer.from("/app/main.py");
  const table = Buffer.from(code.table ?? [4, 1]);
  const { pid, startTimeNs } = code.process ?? PROCESS;
  const bytes = Buffer.alloc(at.sizeOf);
  bytes[at.kind] = recordKind.pythonCode;
  bytes[at.minor] = 9;
  bytes[at.nameWidth] = code.width ?? 1;
  bytes[at.fileWidth] = 1;
  bytes.writeUInt16LE(name.length, at.nameBytes);
  bytes.writeUInt16LE(file.length, at.fileBytes);
  bytes.writeUInt16LE(table.length, at.tableBytes);
  bytes[at.tableState] = code.tableState ?? 0;
  bytes.writeUInt32LE(pid, at.pid);
  bytes.writeBigUInt64LE(startTimeNs, at.startTimeNs);
  bytes.writeBigUInt64LE(7n, at.cgroupId);
  bytes.writeBigUInt64LE(BigInt(code.address ?? 0x1000), at.address);
  bytes.writeUInt32LE(code.cookie ?? 1, at.cookie);
  bytes.writeUInt32LE(10, at.firstLine);
  return Buffer.concat([bytes, name, file, table]);
}

function open(options: Partial<PythonNamesOptions> = {}): { names: PythonNames; forgotten: Uint8Array[] } {
  const forgotten: Uint8Array[] = [];
  const forget = (key: Uint8Array): void => void forgotten.push(key);
  return { names: new PythonNames({ mayRead: () => true, memoryBytes: 1 << 20, forget, ...options }), forgotten };
}

/** "name file:first:line" of frames [address, cookie, position]; "" of one without a name. */
async function ask(
  names: PythonNames,
  frames: readonly (readonly [number, number, number])[],
  process = PROCESS,
): Promise<string[]> {
  const { chainIndices, chains, functions } = await names.bound({
    ...{ process, kind: frameKind.python, types: new Uint16Array(frames.length) },
    addresses: Float64Array.from(frames, ([address]) => address),
    cookies: Uint32Array.from(frames, ([, cookie]) => cookie),
    positions: Uint32Array.from(frames, ([, , position]) => position),
  });
  return Array.from(chainIndices, (chain) => {
    if (chain < 0) return "";
    const { name, fileName, startLine } = functions[chains.functions[chains.offsets[chain]]];
    return `${name} ${fileName}:${startLine}:${chains.lines[chains.offsets[chain]]}`;
  });
}

describe("names of Python frames", () => {
  it("are those of the code object that had the address and the cookie", async () => {
    const { names, forgotten } = open();
    names.take(record({}));
    names.take(record({ cookie: 2, name: Buffer.from("other") }));
    const frames = [
      ...([0, 4, limits.pythonNotBegun, limits.pythonNowhere] as const).map(
        (position) => [0x1000, 1, position] as const,
      ),
      ...([[0x1000, 2, 0], [0x1000, 3, 0], [0x2000, 1, 0]] as const), // prettier-ignore
    ];
    const main = "/app/main.py:10";
    assert.deepEqual(await ask(names, frames), [
      ...[`work ${main}:10`, `work ${main}:11`, `work ${main}:10`, `work ${main}:0`],
      ...[`other ${main}:10`, "", ""],
    ]);
    assert.equal(names.missing.get("not-handed-over"), 2);
    assert.equal(names.lines.get("unknown-position"), 1);
    assert.equal(forgotten.length, 2, "they are to be handed over again");
    const later = { ...PROCESS, startTimeNs: PROCESS.startTimeNs + 1n };
    assert.deepEqual(await ask(names, [[0x1000, 1, 0]], later), [""], "another process of that number");
  });

  it("have characters of one, two and four bytes", () => {
    const name = (width: number, ...points: number[]): string => {
      const bytes = Buffer.alloc(points.length * width);
      for (const [row, point] of points.entries()) bytes.writeUIntLE(point, row * width, width);
      return readCode(readCodeRecord(record({ width, name: bytes }))!.content).name;
    };
    assert.equal(name(1, 0x66, 0xe9), "fé");
    assert.equal(name(2, 0x66, 0x416), "fЖ");
    assert.equal(name(4, 0x66, 0x1f40d), "f🐍");
    assert.equal(name(2, 0x66, 0xd800), "f\ufffd");
    assert.equal(name(4, 0x110000), "\ufffd");
  });

  it("are not kept of a process that is redacted, nor while there is no room", async () => {
    const redacting = open({ mayRead: () => false }).names;
    redacting.take(record({}));
    assert.deepEqual(await ask(redacting, [[0x1000, 1, 0]]), [""]);
    assert.equal(redacting.missing.get("redacted"), 1);

    const { names, forgotten } = open();
    names.asksOn = false;
    names.take(record({}));
    assert.deepEqual(await ask(names, [[0x1000, 1, 0]]), [""]);
    assert.equal(names.missing.get("shed"), 1);
    names.asksOn = true;
    for (let address = 1; address <= 50; address++) names.take(record({ address }));
    assert.equal(names.codes, 1, "equal ones are one");
    names.resize(0);
    assert.equal(names.bytes, 0);
    assert.equal(forgotten.length, 50);
  });

  it("have no line behind the end of a table that was cut", async () => {
    const { names } = open();
    names.take(record({ tableState: 1 }));
    assert.deepEqual(await ask(names, [[0x1000, 1, 100]]), ["work /app/main.py:10:0"]);
    assert.equal(names.lines.get("table-cut"), 1);
  });

  it("come of any bytes, or do not", async () => {
    const seeds = [record({}), record({ width: 4, name: Buffer.alloc(64) })];
    await fc.assert(
      fc.asyncProperty(mutated(seeds), fc.nat(), async (bytes, position) => {
        const { names } = open();
        names.take(bytes);
        const read = readCodeRecord(bytes);
        assert.equal(names.malformed, read === undefined ? 1 : 0);
        if (read === undefined) return;
        assert.equal((await ask(names, [[read.address, read.cookie, position]], read.process)).length, 1);
      }),
      { numRuns: 300 },
    );
    fuzz(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const read = readCodeRecord(bytes);
        if (read !== undefined) readCode(read.content);
      }),
      300,
    );
  });
});
