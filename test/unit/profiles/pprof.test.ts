import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";

import type { Profile } from "#src/model/profile.js";
import { encodePprof, encodePprofGzip } from "#src/profiles/pprof.js";
import { arbitraryProfile, samplesIn, ticksIn } from "../../support/arbitrary-profile.js";
import { checkValid } from "../../support/check-valid.js";
import { knownProfile } from "../../support/known-profile.js";
import { ProfileBuilder } from "../../support/profile-builder.js";

test("the header says what was counted, when, how long and how often", () => {
  const decoded = checkValid(encodePprof(knownProfile(), { comments: ["hostflame 0.1.0"] }));
  const text = (index: number | bigint) => decoded.stringTable.strings[Number(index)];
  assert.deepEqual(
    decoded.sampleType.map(({ type, unit }) => [text(type), text(unit)]),
    [
      ["samples", "count"],
      ["cpu", "nanoseconds"],
    ],
  );
  assert.deepEqual([text(decoded.periodType!.type), text(decoded.periodType!.unit)], ["cpu", "nanoseconds"]);
  assert.equal(text(decoded.defaultSampleType), "cpu");
  assert.equal(decoded.period, 10_000_000);
  assert.equal(decoded.timeNanos, BigInt(Date.UTC(2026, 0, 2, 3, 4, 5)) * 1_000_000n);
  assert.equal(BigInt(decoded.durationNanos), 10_000_000_000n);
  assert.deepEqual(decoded.comment.map(text), ["hostflame 0.1.0"]);
  assert.deepEqual([decoded.dropFrames, decoded.keepFrames], [0, 0]);
});

test("the first mapping is the program with the most leaf samples, not the kernel and not a library", () => {
  const profile = new ProfileBuilder()
    .add("a;x_[k];y_[k]", 50)
    .add("a;main;memcpy@/lib/libc.so.6", 40)
    .add("a;main", 1)
    .add("b;main", 9)
    .build();
  const decoded = checkValid(encodePprof(profile));
  const files = decoded.mapping.map(({ filename }) => decoded.stringTable.strings[Number(filename)]);
  assert.deepEqual(files, ["/usr/bin/b", "[kernel.kallsyms]", "/usr/bin/a", "/lib/libc.so.6"]);
});

test("a mapping grows to hold its locations, and its file offset with it", () => {
  const profile: Profile = {
    ...new ProfileBuilder().add("a;main", 1).build(),
    mappings: [
      { start: 0x5000, limit: 0x6000, fileOffset: 0x4000, fileName: "/a", buildId: "", hasFunctions: true },
      { start: 0, limit: 0, fileOffset: 0, fileName: "[anon]", buildId: "", hasFunctions: false },
      {
        start: 2 ** 64 - 4096,
        limit: 2 ** 64,
        fileOffset: 0,
        fileName: "[kernel.kallsyms]",
        buildId: "",
        hasFunctions: true,
      },
    ],
    locations: [
      { mappingIndex: 0, address: 0x3010, kind: "native", lines: [{ functionIndex: 0, line: 0 }] },
      { mappingIndex: 0, address: 0x8fff, kind: "native", lines: [{ functionIndex: 0, line: 7 }] },
      { mappingIndex: 1, address: 0x7f0000001234, kind: "jit", lines: [{ functionIndex: 0, line: 0 }] },
      { mappingIndex: 2, address: 0xffff_ffff_ffff_ffffn, kind: "kernel", lines: [{ functionIndex: 0, line: 0 }] },
    ],
  };
  const rows = checkValid(encodePprof(profile)).mapping.map((row) => {
    return [row.memoryStart, row.memoryLimit, row.fileOffset, row.hasLineNumbers].map((value) => value.toString(16));
  });
  assert.deepEqual(rows, [
    ["3000", "9000", "2000", "true"],
    ["7f0000001000", "7f0000002000", "0", "false"],
    ["fffffffffffff000", "ffffffffffffffff", "0", "false"],
  ]);
});

test("gzip changes nothing but the size", async () => {
  const plain = encodePprof(knownProfile());
  const packed = await encodePprofGzip(knownProfile(), { level: 9 });
  assert.ok(packed.length < plain.length);
  assert.ok(gunzipSync(packed).equals(plain));
  checkValid(packed);
});

test("what is decoded is what was encoded, for any profile", () => {
  fc.assert(
    fc.property(arbitraryProfile, (profile) => {
      assert.deepEqual(rowsOfPprof(encodePprof(profile)), rowsOfProfile(profile));
    }),
  );
});

test("samples and CPU time add up, for any profile", () => {
  fc.assert(
    fc.property(arbitraryProfile, (profile) => {
      const { sample, period } = checkValid(encodePprof(profile));
      const sum = (index: number) => sample.reduce((total, { value }) => total + BigInt(value[index]), 0n);
      assert.equal(sum(0), BigInt(samplesIn(profile)));
      assert.equal(sum(1), BigInt(ticksIn(profile)) * BigInt(period));
    }),
  );
});

/** Every sample as text, from the bytes. */
function rowsOfPprof(bytes: Uint8Array): string[] {
  const decoded = checkValid(bytes);
  const text = (index: number | bigint) => decoded.stringTable.strings[Number(index)];
  return decoded.sample.map((sample) => {
    const frames = sample.locationId.map((id) => {
      const { address, mappingId, line } = decoded.location[Number(id) - 1];
      const file = mappingId === 0 ? "" : text(decoded.mapping[Number(mappingId) - 1].filename);
      const lines = line.map((at) => `${text(decoded.function[Number(at.functionId) - 1].name)}:${at.line}`);
      return `${address} ${file} ${lines.join(",")}`;
    });
    const labels = sample.label.map(({ key, str, num }) => `${text(key)}=${str === 0 ? num : text(str)}`);
    return [...frames, sample.value[0], ...labels].join("|");
  });
}

/** The same text, from the profile. */
function rowsOfProfile(profile: Profile): string[] {
  const { stacks, samples } = profile;
  return Array.from(samples.count, (count, row) => {
    const stack = samples.stack[row];
    const frames = Array.from(stacks.locations.subarray(stacks.offsets[stack], stacks.offsets[stack + 1]), (index) => {
      const { address, mappingIndex, lines } = profile.locations[index];
      const names = lines.map((at) => `${onTheWire(profile.functions[at.functionIndex].name)}:${at.line}`);
      return `${address} ${profile.mappings[mappingIndex]?.fileName ?? ""} ${names.join(",")}`;
    });
    const { pid, tid, comm } = profile.threads[samples.thread[row]];
    const labels = [pid && `pid=${pid}`, tid && `tid=${tid}`, comm && `comm=${onTheWire(comm)}`].filter(Boolean);
    return [...frames, count, ...labels].join("|");
  });
}

/** What UTF-8 and its decoder leave of a text: half surrogates are replaced, a leading byte order mark is taken off. */
function onTheWire(text: string): string {
  return new TextDecoder().decode(Buffer.from(text, "utf8"));
}

test("whose the profile is stands on every sample, beside its thread", () => {
  const profile = new ProfileBuilder().add("a;main", 1, { pid: 5, tid: 6 }).add("b;main", 2).build();
  const labels = new Map([
    ["namespace", "shop"],
    ["pod", "cart-0"],
    ["empty", ""],
    ["comm", "not this one"],
  ]);
  const decoded = checkValid(encodePprof(profile, { labels }));
  const text = (index: number | bigint) => decoded.stringTable.strings[Number(index)];
  const told = decoded.sample.map(({ label }) =>
    label.map(({ key, str, num }) => `${text(key)}=${Number(str) === 0 ? String(num) : text(str)}`),
  );
  assert.deepEqual(told[0], ["pid=5", "tid=6", "comm=a", "namespace=shop", "pod=cart-0"]);
  assert.deepEqual(told[1].slice(2), ["comm=b", "namespace=shop", "pod=cart-0"]);
});

test("of several owners, each thread's samples say whose they are", () => {
  const profile = new ProfileBuilder().add("a;main", 1, { pid: 5 }).add("b;main", 2, { pid: 6 }).build();
  const threadLabels = [new Map([["pod", "cart-0"]]), new Map([["pod", "cart-1"]])];
  const decoded = checkValid(encodePprof(profile, { threadLabels, labels: new Map([["pod", "nobody's"]]) }));
  const text = (index: number | bigint) => decoded.stringTable.strings[Number(index)];
  assert.deepEqual(
    decoded.sample.map(({ label }) => text(label.at(-1)!.str)),
    ["cart-0", "cart-1"],
  );
});

test("words of an intake's own, and ids as text", () => {
  const names = {
    samples: "n",
    cpu: "t",
    thread: { pid: "process", tid: "thread id", comm: "name", idsAreText: true },
  };
  const decoded = checkValid(encodePprof(new ProfileBuilder().add("a;main", 1, { pid: 5, tid: 6 }).build(), { names }));
  const text = (index: number | bigint) => decoded.stringTable.strings[Number(index)];
  assert.deepEqual(
    decoded.sampleType.map(({ type }) => text(type)),
    ["n", "t"],
  );
  assert.deepEqual([text(decoded.periodType!.type), text(decoded.defaultSampleType)], ["t", "t"]);
  assert.deepEqual(
    decoded.sample[0].label.map(({ key, str }) => `${text(key)}=${text(str)}`),
    ["process=5", "thread id=6", "name=a"],
  );
});

test("without threads, samples of one stack are one, and all add up, for any profile", () => {
  const names = { samples: "samples", cpu: "cpu", thread: undefined };
  fc.assert(
    fc.property(arbitraryProfile, (profile) => {
      const { sample, period } = checkValid(encodePprof(profile, { names }));
      const sum = (index: number) => sample.reduce((total, { value }) => total + BigInt(value[index]), 0n);
      assert.equal(sum(0), BigInt(samplesIn(profile)));
      assert.equal(sum(1), BigInt(ticksIn(profile)) * BigInt(period));
      assert.ok(sample.every(({ label }) => label.length === 0));
      assert.equal(new Set(sample.map(({ locationId }) => locationId.join(" "))).size, sample.length);
    }),
  );
});
