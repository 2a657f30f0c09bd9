import assert from "node:assert/strict";
import { closeSync, fstatSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { FileSource } from "#src/elf/byte-source.js";
import { executableSegments, isRefusal } from "#src/elf/elf-file.js";
import { parseElf } from "#src/elf/parser.js";
import type { ExecutableSerial } from "#src/model/brand.js";
import { AnsweredNamer } from "#src/naming/answered-namer.js";
import { NameCache } from "#src/naming/name-cache.js";
import type { Namer } from "#src/naming/name-window.js";
import { createResolverCache } from "#src/symbols/cache.js";
import type { SymbolizeRequest, SymbolizeResult } from "#src/symbols/resolver.js";
import { symbolize } from "#src/symbols/symbolize.js";
import { openDebugFiles } from "#src/worker-debug-files.js";
import { buildSpinning, type SpinningProgram } from "../../support/spinning-program.js";

const directory = mkdtempSync(join(tmpdir(), "hostflame-arrives-"));
const cacheDir = join(directory, "cache");
let program: SpinningProgram;
let fd = -1;
let request: SymbolizeRequest;

before(() => {
  mkdirSync(cacheDir);
  program = buildSpinning(directory, "spin");
  fd = openSync(program.path, "r");
  const elf = parseElf(new FileSource(fd, fstatSync(fd).size));
  assert.ok(!isRefusal(elf));
  const [text] = executableSegments(elf);
  const fileOffsets = Float64Array.from({ length: Math.floor(text.fileSize / 4) }, (_, at) => text.fileOffset + at * 4);
  request = { executable: 1 as ExecutableSerial, fd, name: "spin", fileOffsets };
});
after(() => {
  closeSync(fd);
  rmSync(directory, { recursive: true });
});

interface AskedNamer extends Namer {
  readonly asked: SymbolizeRequest[];
  fails: boolean;
}

function namer(): AskedNamer {
  const resolvers = createResolverCache();
  const asked: SymbolizeRequest[] = [];
  const debugFiles = openDebugFiles(cacheDir);
  return {
    ...{ asked, fails: false },
    symbolize(its) {
      asked.push(its);
      if (this.fails) return Promise.reject(new Error("the worker thread ended"));
      return Promise.resolve(symbolize({ ...its, linesBudgetMs: Infinity }, resolvers, debugFiles));
    },
    kernel: () => Promise.reject(new Error("not asked")),
  };
}

function arrive(): void {
  writeFileSync(join(cacheDir, `${program.buildId}.debug`), program.debugFile, { mode: 0o600 });
}

function leave(): void {
  rmSync(join(cacheDir, `${program.buildId}.debug`), { force: true });
}

const namesIn = ({ functions }: SymbolizeResult): Set<string> => new Set(functions.map(({ name }) => name));
const namedIn = ({ chainIndices }: SymbolizeResult): number => chainIndices.filter((index) => index >= 0).length;

describe("a debug file that comes while names are remembered", () => {
  it("is wanted until it is there, and then answers all that is met again", async () => {
    leave();
    const worker = namer();
    const names = new NameCache(worker, 1 << 20);
    const wanted: string[] = [];
    names.onDebugFileWanted = (buildId) => wanted.push(buildId);
    const without = await names.symbolize(request);
    assert.ok(!namesIn(without).has("innermost"));
    await names.symbolize(request);
    assert.deepEqual(wanted, [program.buildId, program.buildId], "each time it is met, for it may come to be there");
    assert.equal(worker.asked.length, 1);

    names.debugFileArrived("00".repeat(20));
    await names.symbolize(request);
    assert.equal(worker.asked.length, 1, "another one's changes nothing");

    arrive();
    names.debugFileArrived(program.buildId);
    const some = await names.symbolize({
      ...request,
      fileOffsets: request.fileOffsets.filter((_, at) => at % 3 === 0),
    });
    assert.equal(worker.asked[1].lookAgain, true);
    assert.ok(namesIn(some).has("innermost"));
    const all = await names.symbolize(request);
    assert.ok(namedIn(all) > namedIn(without));
    assert.equal(worker.asked[2].lookAgain, false);

    const plain = await namer().symbolize(request);
    assert.equal(namedIn(all), namedIn(plain));
    assert.deepEqual(all.unresolved, plain.unresolved);
    await names.symbolize(request);
    assert.equal(worker.asked.length, 3, "what is known for good is not asked again");
    assert.equal(wanted.length, 3);
  });

  it("takes nothing away while it cannot be read", async () => {
    leave();
    const worker = namer();
    const names = new NameCache(worker, 1 << 20);
    const without = await names.symbolize(request);
    arrive();
    names.debugFileArrived(program.buildId);
    worker.fails = true;
    const meanwhile = await names.symbolize(request);
    assert.deepEqual(meanwhile.chainIndices, without.chainIndices);
    assert.deepEqual(meanwhile.unresolved, without.unresolved);
    worker.fails = false;
    const then = await names.symbolize(request);
    assert.equal(worker.asked.at(-1)?.lookAgain, true);
    assert.ok(namedIn(then) > namedIn(without));
  });

  it("is not wanted while names are shed", async () => {
    leave();
    const names = new NameCache(namer(), 1 << 20);
    await names.symbolize(request);
    names.onDebugFileWanted = () => assert.fail("was wanted");
    names.asksOn = false;
    await names.symbolize(request);
  });

  it("is wanted for no file that has its own, and none that has no build ID", async () => {
    leave();
    const unstripped = openSync(`${program.path}.debug`, "r");
    const image = { ...request, fd: -1, image: new Uint8Array(100) };
    assert.equal((await namer().symbolize(image)).wantsDebugInfo, undefined);
    const its = await namer().symbolize({ ...request, executable: 2 as ExecutableSerial, fd: unstripped });
    assert.equal(its.buildId, program.buildId);
    assert.equal(its.wantsDebugInfo, undefined);
    closeSync(unstripped);
  });
});

describe("a debug file in the folder of downloads", () => {
  it("is believed only as far as it says itself whose it is", async () => {
    const path = join(cacheDir, `${program.buildId}.debug`);
    const other = Buffer.from(program.debugFile);
    other[other.indexOf(Buffer.from(program.buildId, "hex"))] ^= 1;
    for (const content of ["", Buffer.alloc(100_000), other]) {
      leave();
      writeFileSync(path, content, { mode: 0o600 });
      const its = await namer().symbolize(request);
      assert.ok(!namesIn(its).has("innermost"));
      assert.equal(its.wantsDebugInfo, program.buildId);
    }
  });
});

describe("a window that is named twice", () => {
  it("is asked about again only where something came", async () => {
    leave();
    const worker = namer();
    const names = new AnsweredNamer(worker);
    const other = { ...request, executable: 2 as ExecutableSerial, image: new Uint8Array(10), fd: -1 };
    const without = await names.symbolize(request);
    await names.symbolize(other);
    assert.deepEqual([...names.wanted], [program.buildId]);
    arrive();
    await names.arrived(new Set([program.buildId]));
    assert.equal(names.wanted.size, 0);
    const again = await names.symbolize(request);
    await names.symbolize(other);
    assert.ok(namedIn(again) > namedIn(without));
    assert.deepEqual(
      worker.asked.map(({ executable, lookAgain }) => [executable, lookAgain]),
      [
        [1, false],
        [2, false],
        [1, true],
      ],
    );
  });

  it("answers for each of those that were let go and have one number", async () => {
    const names = new AnsweredNamer(namer());
    const letGo = { ...request, executable: -1 as ExecutableSerial, fd: -1 };
    const one = await names.symbolize({ ...letGo, fileOffsets: Float64Array.of(1) });
    const two = await names.symbolize({ ...letGo, fileOffsets: Float64Array.of(1, 2) });
    assert.equal(one.chainIndices.length, 1);
    assert.equal(two.chainIndices.length, 2);
  });
});
