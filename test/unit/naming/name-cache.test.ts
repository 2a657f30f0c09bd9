import assert from "node:assert/strict";
import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import fc from "fast-check";
import { FileSource } from "#src/elf/byte-source.js";
import { executableSegments, isRefusal } from "#src/elf/elf-file.js";
import { parseElf } from "#src/elf/parser.js";
import type { ExecutableSerial } from "#src/model/brand.js";
import type { KernelSymbolChanges } from "#src/native/symbol-record.js";
import { NameCache } from "#src/naming/name-cache.js";
import type { Namer } from "#src/naming/name-window.js";
import { createResolverCache } from "#src/symbols/cache.js";
import { resolveKernelSymbols } from "#src/symbols/kallsyms.js";
import { readKernelTable } from "#src/symbols/kernel-table.js";
import { UNRESOLVED_REASONS, type SymbolizeRequest, type SymbolizeResult } from "#src/symbols/resolver.js";
import { symbolize } from "#src/symbols/symbolize.js";
import { unnamed } from "#src/symbols/unnamed.js";
import { changesOf } from "../../support/symbol-records.js";
import { chainInWords } from "../../support/chain-words.js";

const directory = mkdtempSync(join(tmpdir(), "hostflame-names-"));
after(() => rmSync(directory, { recursive: true }));

const MODULES = join(directory, "modules");
const KALLSYMS = join(directory, "kallsyms");
writeFileSync(MODULES, "");

/** The worker's namer, on this thread, which remembers what it was asked. */
function directNamer(): Namer & { questions: number; kernelQuestions: number } {
  const resolvers = createResolverCache();
  return {
    questions: 0,
    kernelQuestions: 0,
    symbolize(request) {
      this.questions++;
      return Promise.resolve(symbolize({ ...request, linesBudgetMs: Infinity }, resolvers));
    },
    kernel(addresses) {
      this.kernelQuestions++;
      return Promise.resolve(resolveKernelSymbols(addresses, KALLSYMS));
    },
  };
}

/** What a result says of each address, in words. */
function inWords(result: SymbolizeResult): string[] {
  return Array.from(result.chainIndices, (index, at) => {
    const name = index < 0 ? UNRESOLVED_REASONS[result.reasons[at]] : chainInWords(result, index);
    return `${result.elfAddresses[at]} ${name} ${result.symbolStarts[at]}`;
  });
}

function ask(serial: number, fd: number, fileOffsets: readonly number[]): SymbolizeRequest {
  const distinct = [...new Set(fileOffsets)].sort((a, b) => a - b);
  return { executable: serial as ExecutableSerial, fd, name: "file", fileOffsets: Float64Array.from(distinct) };
}

/** This program's own files: node, with every symbol, and libraries, stripped. */
const files = [
  ...new Set(
    readFileSync("/proc/self/maps", "utf8")
      .split("\n")
      .filter((line) => line.includes(" r-xp ") && line.includes("/") && !line.includes("hostflame.node"))
      .map((line) => line.slice(line.indexOf("/"))),
  ),
];

describe("NameCache", () => {
  for (const path of files) {
    it(`answers as the namer behind it does, of ${path}`, async () => {
      const fd = openSync(path, "r");
      try {
        const elf = parseElf(new FileSource(fd, fstatSync(fd).size));
        assert.ok(!isRefusal(elf));
        const [text] = executableSegments(elf);
        const first = text.fileOffset + Math.floor(text.fileSize / 2);
        // Near each other, so that ranges meet; and anywhere, past the end too.
        const offset = fc.oneof(
          fc.integer({ min: first, max: first + 4000 }),
          fc.integer({ min: text.fileOffset - 10, max: text.fileOffset + text.fileSize + 10 }),
        );
        const plain = directNamer();
        await fc.assert(
          fc.asyncProperty(
            fc.array(fc.array(offset, { minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 5 }),
            async (windows) => {
              const cache = new NameCache(directNamer(), 1 << 20, MODULES);
              for (const offsets of windows) {
                const request = ask(1, fd, offsets);
                const result = await cache.symbolize(request);
                const expected = await plain.symbolize(request);
                assert.deepEqual(inWords(result), inWords(expected));
                assert.deepEqual(result.unresolved, expected.unresolved);
                assert.equal(result.buildId, expected.buildId);
                assert.equal(result.textLimit, expected.textLimit);
              }
            },
          ),
          { numRuns: 60 },
        );
      } finally {
        closeSync(fd);
      }
    });
  }

  it("asks no more about what it knows, nor inside a function that it knows", async () => {
    const fd = openSync(process.execPath, "r");
    const namer = directNamer();
    const cache = new NameCache(namer, 1 << 20, MODULES);
    const source = parseElf(new FileSource(fd, fstatSync(fd).size));
    assert.ok(!isRefusal(source));
    const [text] = executableSegments(source);
    const plain = directNamer();
    let offset = text.fileOffset + Math.floor(text.fileSize / 3);
    for (let length = 0; length <= 4; offset += 64) {
      const { rangeStarts, rangeLimits } = await plain.symbolize(ask(1, fd, [offset + 64]));
      length = rangeLimits[0] - rangeStarts[0];
    }
    const first = await cache.symbolize(ask(1, fd, [offset]));
    const inside = [first.rangeStarts[0], offset, first.rangeLimits[0] - 1];
    await cache.symbolize(ask(1, fd, inside));
    assert.equal(namer.questions, 1);
    assert.deepEqual(cache.asked, { addresses: 4, unknown: 1, kernelPasses: 0, shed: 0 });
    closeSync(fd);
    // Let go since: what is known is answered all the same, and the rest has a reason.
    const after = await cache.symbolize(ask(1, -1, [offset, text.fileOffset]));
    assert.deepEqual(inWords(after).slice(1), inWords(first));
    assert.deepEqual(after.unresolved, { "let-go": 1 });
    assert.equal(namer.questions, 1);
  });

  it("keeps within its budget, and answers whole when one executable is over it", async () => {
    const fd = openSync(process.execPath, "r");
    const namer = directNamer();
    const cache = new NameCache(namer, 64 << 10, MODULES);
    const plain = directNamer();
    const offsets = Array.from({ length: 3000 }, (_, i) => 20_000_000 + i * 1000);
    for (let serial = 0; serial < 3; serial++) {
      const request = ask(serial, fd, offsets);
      assert.deepEqual(inWords(await cache.symbolize(request)), inWords(await plain.symbolize(request)));
      assert.ok(cache.bytes <= 64 << 10, `${cache.bytes} bytes`);
    }
    closeSync(fd);
  });

  it("counts where names came from once, and what has none each time", async () => {
    const fd = openSync(process.execPath, "r");
    const cache = new NameCache(directNamer(), 1 << 20, MODULES);
    const source = parseElf(new FileSource(fd, fstatSync(fd).size));
    assert.ok(!isRefusal(source));
    const [text] = executableSegments(source);
    const offsets = Array.from({ length: 200 }, (_, at) => text.fileOffset + at * 4096);
    const past = text.fileOffset + text.fileSize + 2 ** 40;
    for (let window = 0; window < 3; window++) {
      const { unresolved } = await cache.symbolize(ask(1, fd, [...offsets, past]));
      const found = [...cache.found.values()].reduce((sum, count) => sum + count, 0);
      const missing = Object.values(unresolved).reduce((sum, count) => sum + count, 0);
      assert.equal(found + missing, offsets.length + 1);
      assert.equal(cache.missing.get("unmapped-offset"), (unresolved["unmapped-offset"] ?? 0) * (window + 1));
    }
    assert.ok((cache.found.get("symtab") ?? 0) > 100);
    assert.ok(cache.missing.has("let-go"), "each reason is there from the start");
    closeSync(fd);
  });

  it("gives up on an executable that ends the worker three times in a row", async () => {
    let asked = 0;
    const cache = new NameCache(
      {
        symbolize: () => {
          asked++;
          return Promise.reject(new Error("the worker thread ended"));
        },
        kernel: () => Promise.reject(new Error("not asked")),
      },
      1 << 20,
      MODULES,
    );
    for (let i = 0; i < 5; i++) {
      assert.deepEqual((await cache.symbolize(ask(1, 3, [1, 2]))).unresolved, { "worker-failed": 2 });
    }
    assert.equal(asked, 3);
  });

  it("asks no more while names are shed, counts what goes without, and asks for it again afterwards", async () => {
    const fd = openSync(process.execPath, "r");
    const namer = directNamer();
    const cache = new NameCache(namer, 1 << 20, MODULES);
    const known = await cache.symbolize(ask(1, fd, [20_000_000]));
    cache.asksOn = false;
    const shed = await cache.symbolize(ask(1, fd, [20_000_000, 30_000_000]));
    assert.deepEqual(shed.unresolved, { shed: 1 });
    assert.deepEqual(inWords(shed).slice(0, 1), inWords(known), "what is known goes on");
    assert.deepEqual((await cache.symbolize(ask(2, fd, [1, 2]))).unresolved, { shed: 2 });
    assert.equal(cache.asked.shed, 3);
    assert.equal(namer.questions, 1);
    cache.asksOn = true;
    const again = await cache.symbolize(ask(1, fd, [20_000_000, 30_000_000]));
    assert.equal(again.unresolved.shed, undefined);
    assert.equal(namer.questions, 2);
    closeSync(fd);
  });

  it("lets go at once of what is over a smaller budget", async () => {
    const fd = openSync(process.execPath, "r");
    const cache = new NameCache(directNamer(), 1 << 20, MODULES);
    const offsets = Array.from({ length: 3000 }, (_, i) => 20_000_000 + i * 1000);
    for (let serial = 0; serial < 3; serial++) await cache.symbolize(ask(serial, fd, offsets));
    closeSync(fd);
    const before = cache.bytes;
    assert.ok(before > 0);
    cache.resize(before / 2);
    assert.ok(cache.bytes <= before / 2, `${cache.bytes} of ${before} bytes`);
  });

  it("asks again for what could not be read", async () => {
    let asked = 0;
    const failing: Namer = {
      symbolize: (request) => {
        asked++;
        return Promise.resolve(unnamed(request, "read-failed"));
      },
      kernel: () => Promise.reject(new Error("not asked")),
    };
    const cache = new NameCache(failing, 1 << 20, MODULES);
    await cache.symbolize(ask(1, 3, [1]));
    await cache.symbolize(ask(1, 3, [1]));
    assert.equal(asked, 2);
  });
});

describe("NameCache of the kernel", () => {
  const text = (...lines: string[]) => writeFileSync(KALLSYMS, lines.join("\n") + "\n");
  const modules = (...lines: string[]) => writeFileSync(MODULES, lines.join("\n") + "\n");
  const CORE = [
    "ffffffff81000000 T _text",
    "ffffffff81000100 t work",
    "ffffffff81000200 t rest",
    "ffffffff81000300 T _etext",
  ];
  const CORE_ADDRESS = 0xffffffff81000180n;
  const MODULE_ADDRESS = 0xffffffffc0000010n;
  const BPF_ADDRESS = 0xffffffffc1000010n;

  it("counts its names, and those that it hides", async () => {
    text(...CORE);
    const cache = new NameCache(directNamer(), 1 << 20, MODULES);
    await cache.kernel(BigUint64Array.from([CORE_ADDRESS, BPF_ADDRESS]));
    await cache.kernel(BigUint64Array.from([CORE_ADDRESS, BPF_ADDRESS]));
    assert.deepEqual([cache.found.get("kallsyms"), cache.missing.get("kernel-not-covered")], [1, 2]);
    text("0000000000000000 T _text", "0000000000000000 t work");
    const hidden = new NameCache(directNamer(), 1 << 20, MODULES);
    await hidden.kernel(BigUint64Array.from([CORE_ADDRESS]));
    assert.deepEqual([hidden.found.get("kallsyms"), hidden.missing.get("kernel-hidden")], [0, 1]);
  });

  async function names(cache: NameCache, ...addresses: bigint[]): Promise<string[]> {
    const symbols = await cache.kernel(BigUint64Array.from(addresses));
    return Array.from(symbols.nameIndices, (index, at) =>
      index < 0 ? "-" : `${symbols.names[index].name} [${symbols.modules[symbols.moduleIndices[at]]}]`,
    );
  }

  it("remembers the kernel's own functions for good", async () => {
    text(...CORE);
    const namer = directNamer();
    const cache = new NameCache(namer, 1 << 20, MODULES);
    assert.deepEqual(await names(cache, CORE_ADDRESS), ["work []"]);
    assert.deepEqual(await names(cache, CORE_ADDRESS - 0x80n, CORE_ADDRESS + 0x10n, CORE_ADDRESS + 0x80n), [
      "work []",
      "work []",
      "rest []",
    ]);
    assert.equal(namer.kernelQuestions, 2);
    assert.deepEqual(await names(cache, CORE_ADDRESS), ["work []"]);
    assert.equal(namer.kernelQuestions, 2);
  });

  it("answers by what it knows while names are shed", async () => {
    const namer = directNamer();
    const cache = new NameCache(namer, 1 << 20, MODULES);
    cache.asksOn = false;
    const { nameIndices } = await cache.kernel(BigUint64Array.of(0xffffffff81000010n));
    assert.deepEqual([...nameIndices], [-1]);
    assert.equal(namer.kernelQuestions, 0);
    assert.equal(cache.asked.shed, 1);
  });

  it("asks anew when another module has taken a module's place", async () => {
    modules("one 4096 0 - Live 0xffffffffc0000000");
    text(...CORE, "ffffffffc0000000 t of_one\t[one]");
    const namer = directNamer();
    const cache = new NameCache(namer, 1 << 20, MODULES);
    assert.deepEqual(await names(cache, CORE_ADDRESS, MODULE_ADDRESS), ["work []", "of_one [one]"]);
    modules("one 4096 3 - Live 0xffffffffc0000000"); // used by more now: the same module
    await names(cache, CORE_ADDRESS, MODULE_ADDRESS);
    assert.equal(namer.kernelQuestions, 1);
    modules("two 4096 0 - Live 0xffffffffc0000000");
    text(...CORE, "ffffffffc0000000 t of_two\t[two]");
    assert.deepEqual(await names(cache, CORE_ADDRESS, MODULE_ADDRESS), ["work []", "of_two [two]"]);
    assert.equal(namer.kernelQuestions, 2);
  });

  it("goes on knowing one module while another comes and goes", async () => {
    const stays = "one 4096 0 - Live 0xffffffffc0000000";
    modules(stays);
    text(...CORE, "ffffffffc0000000 t of_one\t[one]");
    const namer = directNamer();
    const cache = new NameCache(namer, 1 << 20, MODULES);
    await names(cache, MODULE_ADDRESS);
    for (let second = 0; second < 5; second++) {
      modules(stays, "two 4096 0 - Live 0xffffffffc0100000");
      assert.deepEqual(await names(cache, MODULE_ADDRESS), ["of_one [one]"]);
      modules(stays);
      assert.deepEqual(await names(cache, MODULE_ADDRESS), ["of_one [one]"]);
    }
    assert.equal(namer.kernelQuestions, 1);
    modules("one 8192 0 - Live 0xffffffffc0000000"); // built anew
    await names(cache, MODULE_ADDRESS);
    assert.equal(namer.kernelQuestions, 2);
  });

  it("keeps nothing of BPF programs, which leave no trace when they go", async () => {
    modules("one 4096 0 - Live 0xffffffffc0000000");
    text(...CORE, "ffffffffc1000000 t bpf_prog_1\t[bpf]");
    const cache = new NameCache(directNamer(), 1 << 20, MODULES);
    assert.deepEqual(await names(cache, BPF_ADDRESS), ["bpf_prog_1 [bpf]"]);
    text(...CORE, "ffffffffc1000000 t bpf_prog_2\t[bpf]");
    assert.deepEqual(await names(cache, CORE_ADDRESS, BPF_ADDRESS), ["work []", "bpf_prog_2 [bpf]"]);
    text(...CORE);
    assert.deepEqual(await names(cache, BPF_ADDRESS), ["-"]);
  });

  describe("where the kernel tells what code it makes while it runs", () => {
    const SPIN = "ffffffffc1000000 t bpf_prog_spin\t[bpf]";
    let told: KernelSymbolChanges | undefined;
    const changes = () => {
      const now = told;
      told = changesOf();
      return now;
    };
    const settle = () => (told = changesOf());
    const there = (...texts: string[]) => {
      const told = changesOf(...texts);
      const changes = told.changes.map((change) => ({ ...change, address: change.address + 0x1000000n }));
      return { ...told, changes };
    };

    it("remembers BPF programs, trampolines and probes until they go", async () => {
      settle();
      modules();
      text(...CORE, SPIN);
      const namer = directNamer();
      const cache = new NameCache(namer, 1 << 20, MODULES, changes);
      for (let window = 0; window < 3; window++) {
        assert.deepEqual(await names(cache, BPF_ADDRESS), ["bpf_prog_spin [bpf]"]);
      }
      assert.equal(namer.kernelQuestions, 1);
      // Another program elsewhere changes nothing.
      told = changesOf("+bpf_prog_other@200000..200040");
      assert.deepEqual(await names(cache, BPF_ADDRESS), ["bpf_prog_spin [bpf]"]);
      assert.equal(namer.kernelQuestions, 1);
    });

    it("names a program that came and went, for the samples of that window, and reads nothing", async () => {
      settle();
      text(...CORE);
      const namer = directNamer();
      const cache = new NameCache(namer, 1 << 20, MODULES, changes);
      for (let second = 0; second < 60; second++) {
        const name = `bpf_prog_${second}`;
        told = there(`+${name}@000000..000040`, `-${name}@000000..000040`);
        assert.deepEqual(await names(cache, BPF_ADDRESS), [`${name} [bpf]`]);
      }
      assert.equal(namer.kernelQuestions, 0);
      assert.deepEqual(await names(cache, BPF_ADDRESS), ["bpf_prog_59 [bpf]"], "told of before its window was named");
      assert.deepEqual(await names(cache, BPF_ADDRESS), ["-"], "the window after");
    });

    it("gives no name to a place that had two in a window, and the right one afterwards", async () => {
      settle();
      text(...CORE, SPIN);
      const cache = new NameCache(directNamer(), 1 << 20, MODULES, changes);
      assert.deepEqual(await names(cache, BPF_ADDRESS), ["bpf_prog_spin [bpf]"]);
      told = there("-bpf_prog_spin@000000..000040@50", "+bpf_prog_next@000000..000080@50");
      text(...CORE, "ffffffffc1000000 t bpf_prog_next\t[bpf]");
      assert.deepEqual(await names(cache, CORE_ADDRESS, BPF_ADDRESS), ["work []", "-"]);
      assert.deepEqual(await names(cache, BPF_ADDRESS), ["bpf_prog_next [bpf]"]);
    });

    it("knows nothing any more when some changes are not known", async () => {
      settle();
      text(...CORE, SPIN);
      const namer = directNamer();
      const cache = new NameCache(namer, 1 << 20, MODULES, changes);
      await names(cache, BPF_ADDRESS);
      text(...CORE, "ffffffffc1000000 t bpf_prog_next\t[bpf]");
      told = undefined;
      assert.deepEqual(await names(cache, BPF_ADDRESS), ["bpf_prog_next [bpf]"]);
      assert.equal(namer.kernelQuestions, 2);
    });
  });

  it("looks once in a while only where the kernel hides its addresses", async () => {
    text("0000000000000000 T _text");
    const namer = directNamer();
    const cache = new NameCache(namer, 1 << 20, MODULES);
    assert.deepEqual(await names(cache, CORE_ADDRESS), ["-"]);
    const again = await cache.kernel(BigUint64Array.of(CORE_ADDRESS));
    assert.match(again.detail, /CAP_SYSLOG/);
    assert.equal(namer.kernelQuestions, 1);
  });

  it("makes no pass for the kernel's own image where there is a table of it", async () => {
    text(...CORE, "ffffffffc0000000 t of_one\t[one]");
    modules("one 4096 0 - Live 0xffffffffc0000000");
    const namer = directNamer();
    let tables = 0;
    const cache = new NameCache(
      {
        symbolize: (request) => namer.symbolize(request),
        kernel: (addresses) => namer.kernel(addresses),
        kernelTable: () => {
          tables++;
          return Promise.resolve(readKernelTable(KALLSYMS));
        },
      },
      1 << 20,
      MODULES,
    );
    assert.deepEqual(await names(cache, CORE_ADDRESS, CORE_ADDRESS + 0x80n), ["work []", "rest []"]);
    assert.equal(namer.kernelQuestions, 0);
    assert.deepEqual(await names(cache, CORE_ADDRESS - 0x100n, MODULE_ADDRESS), ["_text []", "of_one [one]"]);
    assert.deepEqual([namer.kernelQuestions, tables], [1, 1]);
    assert.ok(cache.bytes > 0);
  });

  it(
    "answers as /proc/kallsyms does, window after window",
    { skip: process.getuid?.() !== 0 && "needs root" },
    async () => {
      const all = readFileSync("/proc/kallsyms", "latin1").split("\n");
      const starts = all.filter((line) => / [tTwW] /.test(line)).map((line) => BigInt(`0x${line.slice(0, 16)}`));
      const real: Namer = {
        symbolize: () => Promise.reject(new Error("not asked")),
        kernel: (addresses) => Promise.resolve(resolveKernelSymbols(addresses)),
      };
      const cache = new NameCache(real, 1 << 20);
      const random = (n: number) => Math.floor(Math.random() * n);
      for (let window = 0; window < 4; window++) {
        const picked = Array.from({ length: 500 }, () => starts[random(starts.length)] + BigInt(random(300)));
        const addresses = BigUint64Array.from(new Set(picked)).sort();
        const known = await cache.kernel(addresses);
        const direct = resolveKernelSymbols(addresses);
        for (let at = 0; at < addresses.length; at++) {
          const name = ({ nameIndices, names: list }: typeof known) => list[nameIndices[at]]?.systemName;
          assert.equal(name(known), name(direct), addresses[at].toString(16));
          assert.equal(known.modules[known.moduleIndices[at]], direct.modules[direct.moduleIndices[at]]);
        }
      }
    },
  );
});
