import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  bytes,
  comm,
  duration,
  formatBytes,
  formatDuration,
  integer,
  onOff,
  parseBytes,
  parseDuration,
  powerOfTwoBytes,
} from "#src/cli/values.js";

describe("durations", () => {
  for (const [text, milliseconds] of [
    ["10s", 10_000],
    ["1m30s", 90_000],
    ["500ms", 500],
    ["2.5s", 2500],
    ["1h", 3_600_000],
    ["1h1m1s1ms", 3_661_001],
  ] as const) {
    it(`reads ${text}`, () => assert.equal(parseDuration(text), milliseconds));
  }

  for (const text of ["", "10", "s", "10 s", "-1s", "1s1m", "1s1s", "1x", "1.s", "1e3s", "٣s"]) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseDuration(text), undefined));
  }

  it("reads what it writes", () => {
    fc.assert(fc.property(fc.nat(2 ** 31), (ms) => parseDuration(formatDuration(ms)) === ms));
  });

  it("never throws and never yields what is not a number", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."0123456789.hms ".split("")) }), (text) => {
        const value = parseDuration(text);
        return value === undefined || Number.isSafeInteger(value);
      }),
    );
  });

  it("keeps to the bounds, both included", () => {
    const { parse } = duration(100, 1000);
    assert.deepEqual(["99ms", "100ms", "1s", "1001ms"].map(parse), [undefined, 100, 1000, undefined]);
  });
});

describe("sizes", () => {
  it("reads binary units", () => {
    assert.deepEqual(["4096B", "512KiB", "64MiB", "1GiB"].map(parseBytes), [4096, 2 ** 19, 2 ** 26, 2 ** 30]);
  });

  it("refuses decimal units, fractions and bare numbers", () => {
    for (const text of ["64", "64MB", "1.5GiB", "64 MiB", "-1MiB", "MiB", "99999999999999GiB"]) {
      assert.equal(parseBytes(text), undefined, text);
    }
  });

  it("reads what it writes", () => {
    fc.assert(fc.property(fc.maxSafeNat(), (size) => parseBytes(formatBytes(size)) === size));
  });

  it("of rings are powers of two", () => {
    const { parse } = powerOfTwoBytes(2 ** 19, 2 ** 22);
    assert.deepEqual(["256KiB", "512KiB", "3MiB", "4MiB", "8MiB"].map(parse), [
      undefined,
      2 ** 19,
      undefined,
      2 ** 22,
      undefined,
    ]);
    assert.equal(bytes(1, 10).parse("11B"), undefined);
  });
});

describe("other values", () => {
  it("are whole numbers within bounds", () => {
    const { parse } = integer(1, 999, "HZ");
    assert.deepEqual(["0", "1", "999", "1000", "9.5", "-1", "1e2", "0x10", ""].map(parse), [
      undefined,
      1,
      999,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it("are names cut as the kernel cuts them", () => {
    assert.equal(comm.parse("systemd-journald"), "systemd-journal");
    assert.equal(comm.parse(""), undefined);
  });

  it("are on or off", () => {
    assert.deepEqual(["1", "true", "Yes", "0", "off", "maybe"].map(onOff.parse), [
      true,
      true,
      true,
      false,
      false,
      undefined,
    ]);
  });
});
