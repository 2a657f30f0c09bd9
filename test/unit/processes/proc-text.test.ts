import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { SERVICE_VARIABLES } from "#src/model/container.js";
import { serviceVariables } from "#src/processes/environ.js";
import { contextRanges, liesIn, mayHaveContext } from "#src/processes/maps.js";
import { isSameStart, parseStat } from "#src/processes/stat.js";

describe("an environment", () => {
  const variables = (text: string) => serviceVariables(Buffer.from(text));
  const cases: [string, string, Record<string, string>][] = [
    ["is empty of a kernel thread", "", {}],
    [
      "gives the service variables and no other",
      "PATH=/bin\0DD_SERVICE=shop\0DD_API_KEY=secret\0OTEL_SERVICE_NAME=cart\0DD_SERVICES=x\0DD_ENV=\0",
      { DD_SERVICE: "shop", OTEL_SERVICE_NAME: "cart", DD_ENV: "" },
    ],
    ["gives the first of two, as getenv does", "DD_ENV=a\0DD_ENV=b\0", { DD_ENV: "a" }],
    ["keeps what stands after the first equals sign", "DD_VERSION=a=b\0", { DD_VERSION: "a=b" }],
    ["may have entries of no form", "DD_ENV\0=x\0\0\0DD_ENV=a\0", { DD_ENV: "a" }],
    ["may be cut, and then its last entry says nothing", "DD_ENV=a\0DD_SERVICE=sho", { DD_ENV: "a" }],
    ["may be set in lower case, which is another name", "dd_service=x\0", {}],
  ];
  for (const [what, text, expected] of cases) it(what, () => assert.deepEqual(variables(text), expected));

  it("shows U+FFFD where a value is no UTF-8, and keeps 4 KiB of it", () => {
    const bytes = Buffer.concat([
      Buffer.from("DD_ENV="),
      Buffer.from([0xff, 0xfe]),
      Buffer.alloc(9000, "a"),
      Buffer.of(0),
    ]);
    const value = serviceVariables(bytes).DD_ENV ?? "";
    assert.match(value, /^\ufffd\ufffda+$/);
    assert.equal(value.length, 4096);
  });

  it("of any bytes gives service variables only", () => {
    const entry = fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
      fc
        .tuple(fc.constantFrom(...SERVICE_VARIABLES), fc.string())
        .map(([name, value]) => Buffer.from(`${name}=${value}`)),
      fc.constant(Buffer.of(0)),
    );
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 30 }), (entries) => {
        const found = serviceVariables(Buffer.concat(entries));
        for (const name of Object.keys(found)) assert.ok((SERVICE_VARIABLES as readonly string[]).includes(name));
      }),
    );
  });
});

describe("a stat line", () => {
  const line = (comm: string, flags = 4194304, start = 12345) =>
    `42 (${comm}) S 1 42 42 0 -1 ${flags} 1 2 3 4 5 6 7 8 20 0 9 0 ${start} 1000 100 18446744073709551615 93 94 140735868 0`;
  const facts = { startTicks: 12345, stackStart: 140735868, kernelThread: false };
  const cases: [string, string, typeof facts | undefined][] = [
    ["tells the start, and where the stack begins", line("nginx"), facts],
    ["may have a comm like a stat line", line("x) S 9 9 9 (y"), facts],
    ["tells a kernel thread", line("kworker/0:1", 69238880), { ...facts, kernelThread: true }],
    ["may be cut", "42 (nginx) S 1 42", undefined],
    ["may be none", "hello", undefined],
    ["may be empty", "", undefined],
  ];
  for (const [what, text, expected] of cases) it(what, () => assert.deepEqual(parseStat(text), expected));

  it("of any text does not throw", () => {
    fc.assert(fc.property(fc.string(), (text) => void parseStat(text)));
  });

  it("agrees with the sampled start to the tick", () => {
    assert.ok(isSameStart(12345, 123_450_000_000n));
    assert.ok(isSameStart(12345, 123_459_999_999n));
    assert.ok(!isSameStart(12345, 123_460_000_000n));
    assert.ok(!isSameStart(12345, 123_449_999_999n));
  });
});

describe("a process's mappings", () => {
  const anon = "7f0000000000-7f0000001000 rw-p 00000000 00:00 0                          [anon:OTEL_CTX]";
  const memfd = "7f0000002000-7f0000003000 rw-s 00000000 00:01 77                         /memfd:OTEL_CTX (deleted)";
  const named = (text: string) => contextRanges(text).named.map(({ start }) => start.toString(16));

  it("have a context by its name", () => {
    const shared = "7f0000004000-7f0000005000 rw-s 00000000 00:01 78 [anon_shmem:OTEL_CTX]";
    assert.deepEqual(named([anon, memfd, shared].join("\n")), ["7f0000000000", "7f0000002000", "7f0000004000"]);
    assert.ok(mayHaveContext(Buffer.from(anon)));
    assert.ok(!mayHaveContext(Buffer.from("7f0000000000-7f0000001000 rw-p 00000000 00:00 0 [heap]")));
  });

  it("have none by a name that is not just it, in what cannot be read, or in a file", () => {
    assert.deepEqual(named(anon.replace("OTEL_CTX", "OTEL_CTX2")), []);
    assert.deepEqual(named(anon.replace("rw-p", "---p")), []);
    assert.deepEqual(named(memfd.replace("00:01", "00:4d")), []);
    assert.deepEqual(named(memfd.replace("/memfd", "/root/memfd")), []);
  });

  it("say where memory is, over the borders of neighbours", () => {
    const { memory } = contextRanges(
      ["1000-2000 rw-p 0 00:00 0", "2000-3000 rw-p 0 00:00 0", "3000-4000 r--p 0 fe:01 9 /bin/sh"].join("\n"),
    );
    assert.ok(liesIn(memory, 0x1ff0n, 0x20));
    assert.ok(liesIn(memory, 0x2ff0n, 0x10));
    assert.ok(!liesIn(memory, 0x2ff0n, 0x11));
    assert.ok(!liesIn(memory, 0xfffn, 1));
    assert.ok(!liesIn(memory, 0xffff_ffff_ffff_fff0n, 0x40));
  });

  it("of any text are read without throwing", () => {
    const noise = fc.oneof(fc.string(), fc.constantFrom(anon, memfd, "\n", "OTEL_CTX", "-", " "));
    fc.assert(fc.property(fc.array(noise), (pieces) => void contextRanges(pieces.join(""))));
  });
});
