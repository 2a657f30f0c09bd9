import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import fc from "fast-check";
import { type KernelSymbols, resolveKernelSymbols } from "#src/symbols/kallsyms.js";

const directory = mkdtempSync(join(tmpdir(), "hostflame-kallsyms-"));
after(() => rmSync(directory, { recursive: true }));

function resolve(text: string, ...addresses: readonly bigint[]): KernelSymbols {
  const file = join(directory, "kallsyms");
  writeFileSync(file, text);
  return resolveKernelSymbols(BigUint64Array.from(addresses), file);
}

/** `name [module] start` of each address. */
function describeAll({ nameIndices, moduleIndices, symbolStarts, names, modules }: KernelSymbols): string[] {
  return Array.from(nameIndices, (index, at) => {
    if (index < 0) return "-";
    return `${names[index].systemName} [${modules[moduleIndices[at]]}] ${symbolStarts[at].toString(16)}`;
  });
}

const SMALL = `0000000000000000 A fixed_percpu_data
ffffffff81000000 T _stext
ffffffff81000000 T _text
ffffffff81000040 t helper
ffffffff81000080 W weak_one
ffffffff810000c0 D some_data
ffffffff81000100 T _etext
ffffffffc0400000 t nft_do_chain	[nf_tables]
ffffffffc0200000 t bpf_prog_0123456789abcdef_run	[bpf]
ffffffffc0300000 T _RNvC4rust4poll	[rust]
`;

describe("resolveKernelSymbols", () => {
  it("names functions with their modules, in whatever order the lines come", () => {
    const at = [0x8100003fn, 0x81000040n, 0x8100007fn, 0x81000080n, 0xc0200010n, 0xc0300004n, 0xc04000ffn];
    const found = resolve(SMALL, ...at.map((low) => 0xffffffff00000000n + low));
    assert.deepEqual(describeAll(found), [
      "_stext [] ffffffff81000000",
      "helper [] ffffffff81000040",
      "helper [] ffffffff81000040",
      "weak_one [] ffffffff81000080",
      "bpf_prog_0123456789abcdef_run [bpf] ffffffffc0200000",
      "_RNvC4rust4poll [rust] ffffffffc0300000",
      "nft_do_chain [nf_tables] ffffffffc0400000",
    ]);
    assert.ok(found.names.some(({ name }) => name === "rust::poll"));
    assert.equal(found.textStart, 0xffffffff81000000n);
    assert.equal(found.textLimit, 0xffffffff81000100n);
    assert.equal(found.problem, undefined);
  });

  it("names nothing below the first symbol, in data, or far behind the last", () => {
    const found = resolve(SMALL, 5n, 0xffffffff810000c8n, 0xffffffffc0600000n, 0xffffffffffffffffn);
    assert.deepEqual(describeAll(found), ["-", "-", "-", "-"]);
  });

  it("says where each name ends, whatever order the lines come in", () => {
    const at = [0x8100003fn, 0x81000040n, 0x810000c8n, 0xc0200010n, 0xc04000ffn];
    const found = resolve(SMALL, ...at.map((low) => 0xffffffff00000000n + low));
    const limits = Array.from(found.symbolLimits, (limit) => (limit & 0xffffffffn).toString(16));
    // The last reaches a MiB, and no further than anything does.
    assert.deepEqual(limits, ["81000040", "81000080", "81000100", "c0300000", "c0500001"]);
  });

  it("passes over what the kernel's own lookup does not take for names", () => {
    const found = resolve(
      [
        "ffffffffc0400000 t $x\t[nf_tables]",
        "ffffffffc0400000 t nft_do_chain\t[nf_tables]",
        "ffffffffc0400010 t .LC3\t[nf_tables]",
        "ffffffffc0400020 t L0\u0001\t[nf_tables]",
        "ffffffffc0400030 t \t[nf_tables]",
        "ffffffffc0400040 t nft_do_chain.cold\t[nf_tables]",
        "ffffffffc0400080 t foo.llvm.123456789\t[nf_tables]",
        "ffffffffc0500000 t ftrace_trampoline\t[__builtin__ftrace]\n",
      ].join("\n"),
      ...[0xc040003fn, 0xc0400041n, 0xc0400081n, 0xc0500001n].map((low) => 0xffffffff00000000n + low),
    );
    assert.deepEqual(describeAll(found), [
      "nft_do_chain [nf_tables] ffffffffc0400000",
      "nft_do_chain.cold [nf_tables] ffffffffc0400040",
      "foo.llvm.123456789 [nf_tables] ffffffffc0400080",
      "ftrace_trampoline [__builtin__ftrace] ffffffffc0500000",
    ]);
  });

  it("takes no addresses", () => assert.deepEqual(describeAll(resolve(SMALL)), []));

  it("says what to do when the kernel hides its addresses", () => {
    const found = resolve("0000000000000000 T _text\n0000000000000000 t other\t[mod]\n", 0xffffffff81000000n);
    assert.equal(found.problem, "hidden");
    assert.match(found.detail, /give CAP_SYSLOG.*kptr_restrict=1/);
    assert.deepEqual(describeAll(found), ["-"]);
  });

  it("reads no more of a list that hides its addresses than it takes to know", () => {
    const zeros = "0000000000000000 T some_function_with_a_name\n".repeat(3000);
    const late = "ffffffff81000000 T _text\n";
    assert.equal(resolve(zeros + zeros.slice(0, 90) + late, 0xffffffff81000000n).problem, "hidden");
    // A few at zero are variables of each CPU.
    assert.equal(resolve(zeros.slice(0, 45 * 1000) + late, 0xffffffff81000000n).problem, undefined);
  });

  it("says when the file cannot be read", () => {
    const found = resolveKernelSymbols(BigUint64Array.of(1n), join(directory, "absent"));
    assert.equal(found.problem, "read-failed");
    assert.match(found.detail, /ENOENT/);
    assert.deepEqual(describeAll(found), ["-"]);
  });

  it("reads lines that the buffer cuts, and passes over one that is longer than it", () => {
    const lines = Array.from(
      { length: 5000 },
      (_, index) =>
        `${(0xffffffff81000000n + 16n * BigInt(index)).toString(16)} t function_${index}\t[module_${index % 7}]\n`,
    );
    lines.splice(2500, 0, `ffffffff81000001 t ${"x".repeat(200_000)}\n`);
    const found = resolve(
      lines.join(""),
      ...Array.from({ length: 5000 }, (_, index) => 0xffffffff81000008n + 16n * BigInt(index)),
    );
    describeAll(found).forEach((text, index) => {
      assert.equal(
        text,
        `function_${index} [module_${index % 7}] ${(0xffffffff81000000n + 16n * BigInt(index)).toString(16)}`,
      );
    });
  });

  it("agrees with the kernel's own list, on every function of this machine", (context) => {
    const lines = readFileSync("/proc/kallsyms", "latin1").trimEnd().split("\n");
    const symbols = new Map<bigint, string>();
    for (const line of lines) {
      const [, start, type, name, module = ""] = /^(\w+) (\w) (\S+)(?:\t\[(.*)\])?/.exec(line)!;
      const address = BigInt(`0x${start}`);
      // The first of several at one address.
      if (!symbols.has(address)) {
        symbols.set(address, /[tw]/i.test(type) ? `${name} [${module}] ${address.toString(16)}` : "-");
      }
    }
    const starts = [...symbols.keys()].filter((start) => start > 0n).sort((one, other) => (one < other ? -1 : 1));
    if (starts.length === 0) return context.skip("the kernel hides its addresses");
    const { problem, ...found } = resolveKernelSymbols(BigUint64Array.from(starts));
    assert.equal(problem, undefined);
    assert.deepEqual(
      describeAll({ ...found, problem }),
      starts.map((start) => symbols.get(start)),
    );
  });

  it("takes any bytes for the file", () => {
    const line = fc.oneof(
      fc.string({ unit: "binary", maxLength: 40 }),
      fc
        .tuple(
          fc.constantFrom("ffffffff81000", "0000000000000", "gggggggg81000"),
          fc.nat(4095),
          fc.constantFrom(" t ", " T x", "\tt "),
        )
        .map(([high, low, rest]) => `${high}${low.toString(16).padStart(3, "0")}${rest}f_${low}`),
    );
    const addresses = [0n, 0xffffffff81000100n, 0xffffffff81000800n, 2n ** 64n - 1n];
    fc.assert(
      fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
        const found = resolve(lines.join("\n"), ...addresses);
        found.nameIndices.forEach((index, at) => {
          assert.ok(index < found.names.length);
          assert.ok(index < 0 || found.symbolStarts[at] <= addresses[at]);
        });
      }),
      { numRuns: 300 },
    );
  });
});
