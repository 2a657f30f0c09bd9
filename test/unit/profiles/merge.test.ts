import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Profile } from "#src/model/profile.js";
import { foldedChunks } from "#src/profiles/folded.js";
import { mergeProfiles } from "#src/profiles/merge.js";
import { encodePprof, encodePprofGzip } from "#src/profiles/pprof.js";
import { readPprofGzip } from "#src/profiles/read-pprof.js";
import { redactProfile } from "#src/profiles/redact.js";
import { splitProfile } from "#src/profiles/split.js";
import { arbitraryProfile } from "../../support/arbitrary-profile.js";
import { checkValid } from "../../support/check-valid.js";
import { ProfileBuilder } from "../../support/profile-builder.js";

const TIMES = { timeNs: 5n, durationNs: 7n, periodNs: 1e7 };
const folded = (profile: Profile): string => [...foldedChunks(profile)].join("");

/** What a reader sees of each sample; names as UTF-8 has them. */
function rowsOf({ samples, stacks, locations, functions, threads }: Profile): unknown[] {
  return Array.from({ length: samples.length }, (_, row) => {
    const stack = samples.stack[row];
    const names = [...stacks.locations.subarray(stacks.offsets[stack], stacks.offsets[stack + 1])].flatMap((location) =>
      locations[location].lines.map(({ functionIndex, line }) => [wellFormed(functions[functionIndex].name), line]),
    );
    const { pid, tid, comm } = threads[samples.thread[row]];
    return { names, pid, tid, comm: wellFormed(comm), count: samples.count[row], ticks: samples.ticks[row] };
  });
}

function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}

describe("profiles merged", () => {
  it("are the whole that they were split of", () => {
    fc.assert(
      fc.property(arbitraryProfile, fc.integer({ min: 1, max: 4 }), (whole, groups) => {
        const groupOf = Uint32Array.from(whole.threads, (_, row) => row % groups);
        const parts = [...splitProfile(whole, groupOf)].map(({ profile, group }) => {
          return { profile, labels: new Map([["group", String(group)]]) };
        });
        const { profile, threadLabels } = mergeProfiles(parts, whole);
        assert.equal(folded(profile), folded(whole));
        assert.equal(profile.samples.length, whole.samples.length);
        assert.ok(profile.functions.length <= whole.functions.length);
        assert.ok(profile.mappings.length <= whole.mappings.length);
        assert.equal(threadLabels.length, profile.threads.length);
        for (const [row, thread] of profile.threads.entries()) {
          const group = groupOf[whole.threads.indexOf(thread)];
          assert.equal(threadLabels[row].get("group"), String(group));
        }
        checkValid(encodePprof(profile, { threadLabels }));
      }),
    );
  });

  it("have their folded lines in an order that does not depend on which frame of a name was first", () => {
    // Sorted by their files, one would stand before the kernel's and the other behind it.
    const one = ProfileBuilder.parse("app;malloc@/lib/libc.so.6 1\napp;malloc_[k] 1");
    const other = ProfileBuilder.parse("app;malloc@musl.so 1\napp;malloc_[k] 1");
    assert.equal(folded(one), folded(other));
    assert.equal(folded(one), "app;malloc 1\napp;malloc_[k] 1\n");
  });

  it("say of each sample whose it is", () => {
    const part = (pod: string) => {
      return { labels: new Map([["pod", pod]]), profile: ProfileBuilder.parse(`${pod};main;work 3`) };
    };
    const merged = mergeProfiles([part("a"), part("b")], TIMES);
    const { sample, stringTable } = checkValid(encodePprof(merged.profile, { threadLabels: merged.threadLabels }));
    const words = sample.map(({ label }) =>
      label.map(({ key, str }) => `${stringTable.strings[Number(key)]}=${stringTable.strings[Number(str)]}`),
    );
    assert.ok(words[0].includes("pod=a") && words[0].includes("comm=a"));
    assert.ok(words[1].includes("pod=b") && words[1].includes("comm=b"));
  });

  it("keep redacted parts apart from others' names", () => {
    const profile = ProfileBuilder.parse("shop;main;secret 3");
    const open = { profile, labels: new Map([["pod", "open"]]) };
    const hidden = { profile: redactProfile(profile, Buffer.alloc(32)), labels: new Map([["pod", "hidden"]]) };
    const names = mergeProfiles([hidden, open], TIMES).profile.functions.map(({ name }) => name);
    assert.deepEqual(
      names.slice(2),
      ["main", "secret"].toSorted((a, b) => names.indexOf(a) - names.indexOf(b)),
    );
    assert.ok(!folded(mergeProfiles([hidden], TIMES).profile).includes("secret"));
  });

  it("of no parts are an empty profile, and a valid one", () => {
    const { profile } = mergeProfiles([], TIMES);
    assert.equal(profile.samples.length, 0);
    const { timeNanos, durationNanos, period, sampleType } = checkValid(encodePprof(profile));
    assert.deepEqual([Number(timeNanos), Number(durationNanos), Number(period), sampleType.length], [5, 7, 1e7, 2]);
  });
});

describe("a profile read back", () => {
  it("is the one that was written", async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryProfile, async (whole) => {
        const back = await readPprofGzip(await encodePprofGzip(whole));
        assert.deepEqual(rowsOf(back), rowsOf(whole));
        assert.deepEqual(
          [back.timeNs, back.durationNs, back.periodNs],
          [whole.timeNs, whole.durationNs, Math.round(whole.periodNs)],
        );
      }),
    );
  });

  it("has kinds of code by their mappings", async () => {
    const mappings = ["/usr/bin/a", "[kernel.kallsyms]", "[nf_tables]", "[vdso]", "[anon]", "[let go]", "[unreadable]"];
    const lines = [{ functionIndex: 0, line: 0 }];
    const profile: Profile = {
      ...TIMES,
      mappings: mappings.map((fileName, at) => {
        return { start: at * 8192, limit: at * 8192 + 4096, fileOffset: 0, fileName, buildId: "", hasFunctions: true };
      }),
      functions: [{ name: "f", systemName: "f", fileName: "", startLine: 0 }],
      locations: mappings.map((_, at) => ({ mappingIndex: at, address: at * 8192, kind: "native", lines })),
      stacks: { length: 1, offsets: Uint32Array.of(0, 7), locations: Uint32Array.from(mappings.keys()) },
      threads: [{ pid: 7, tid: 8, comm: "a", startTimeNs: 0n, cgroup: 0n as never }],
      samples: {
        ...{ length: 1, stack: Uint32Array.of(0), thread: Uint32Array.of(0) },
        ...{ count: Uint32Array.of(2), ticks: Uint32Array.of(6) },
      },
    };
    const back = await readPprofGzip(await encodePprofGzip(profile));
    const kinds = back.stacks.locations.map((location) => location);
    assert.deepEqual(
      Array.from(kinds, (location) => [
        back.mappings[back.locations[location].mappingIndex].fileName,
        back.locations[location].kind,
      ]),
      mappings.map((name, at) => [name, ["native", "kernel", "kernel", "native", "jit", "native", "native"][at]]),
    );
    assert.deepEqual([back.samples.count[0], back.samples.ticks[0]], [2, 6]);
    assert.deepEqual([back.threads[0].pid, back.threads[0].tid, back.threads[0].comm], [7, 8, "a"]);
  });

  it("rejects what is no profile", async () => {
    await assert.rejects(readPprofGzip(new Uint8Array(10)));
  });
});
