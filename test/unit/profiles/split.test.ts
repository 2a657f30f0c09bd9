import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";

import type { Profile } from "#src/model/profile.js";
import { encodePprof } from "#src/profiles/pprof.js";
import { halveProfile, splitProfile } from "#src/profiles/split.js";
import { arbitraryProfile, samplesIn, ticksIn } from "../../support/arbitrary-profile.js";
import { checkValid } from "../../support/check-valid.js";
import { ProfileBuilder } from "../../support/profile-builder.js";

/** Each sample row spelled out, with nothing left to look up. */
function rowsOf(profile: Profile): string[] {
  const { samples, stacks, locations, functions, mappings, threads } = profile;
  return Array.from({ length: samples.length }, (_, row) => {
    const stack = samples.stack[row];
    const frames = [...stacks.locations.subarray(stacks.offsets[stack], stacks.offsets[stack + 1])].map((index) => {
      const { mappingIndex, address, kind, lines } = locations[index];
      const mapping = mappingIndex < 0 ? undefined : mappings[mappingIndex];
      return [mapping, String(address), kind, lines.map((line) => [functions[line.functionIndex], line.line])];
    });
    const thread = { ...threads[samples.thread[row]] };
    return JSON.stringify([thread, frames, samples.count[row], samples.ticks[row]], (_, value: unknown) =>
      typeof value === "bigint" ? `${value}n` : value,
    );
  });
}

const grouped = fc.tuple(arbitraryProfile, fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 10 }));

function groupsOf(profile: Profile, pattern: readonly number[]): Uint32Array {
  return Uint32Array.from(profile.threads, (_, thread) => pattern[thread % pattern.length]);
}

test("the groups together are the whole, sample for sample, and each is valid pprof", () => {
  fc.assert(
    fc.property(grouped, ([profile, pattern]) => {
      const groups = groupsOf(profile, pattern);
      const parts = [...splitProfile(profile, groups)];
      const expected = new Map<number, string[]>();
      for (const [row, text] of rowsOf(profile).entries()) {
        const group = groups[profile.samples.thread[row]];
        expected.set(group, [...(expected.get(group) ?? []), text]);
      }
      assert.deepEqual(
        new Map(parts.map(({ group, profile: part }) => [group, rowsOf(part)])),
        new Map([...expected].sort((a, b) => a[0] - b[0])),
      );
      for (const { profile: part } of parts) {
        assert.deepEqual(
          [part.timeNs, part.durationNs, part.periodNs],
          [profile.timeNs, profile.durationNs, profile.periodNs],
        );
        checkValid(encodePprof(part));
      }
    }),
    { numRuns: 300 },
  );
});

test("a group holds nothing that its samples do not need", () => {
  fc.assert(
    fc.property(grouped, ([profile, pattern]) => {
      for (const { profile: part } of splitProfile(profile, groupsOf(profile, pattern))) {
        const { samples, stacks, locations } = part;
        const all = (length: number) => Array.from({ length }, (_, index) => index);
        const distinct = (values: Iterable<number>) => [...new Set(values)].sort((a, b) => a - b);
        assert.deepEqual(distinct(samples.stack), all(stacks.length));
        assert.deepEqual(distinct(samples.thread), all(part.threads.length));
        assert.deepEqual(distinct(stacks.locations), all(locations.length));
        const lines = locations.flatMap((location) => location.lines.map(({ functionIndex }) => functionIndex));
        assert.deepEqual(distinct(lines), all(part.functions.length));
        const mappings = locations.map(({ mappingIndex }) => mappingIndex).filter((index) => index >= 0);
        assert.deepEqual(distinct(mappings), all(part.mappings.length));
      }
    }),
    { numRuns: 300 },
  );
});

test("groups without samples do not come, and the numbers may have holes", () => {
  const profile = new ProfileBuilder().add("a;main", 1).add("b;main", 2).build();
  const parts = [...splitProfile(profile, Uint32Array.of(7, 3))];
  assert.deepEqual(
    parts.map(({ group, profile: { threads } }) => [group, threads.map(({ comm }) => comm)]),
    [
      [3, ["b"]],
      [7, ["a"]],
    ],
  );
});

test("each thread needs a group", () => {
  const profile = new ProfileBuilder().add("a;main", 1).add("b;main", 2).build();
  assert.throws(() => [...splitProfile(profile, Uint32Array.of(0))], /1 groups were given for 2 threads/);
});

test("halves add up to the whole, for any profile of more than one row", () => {
  fc.assert(
    fc.property(arbitraryProfile, (profile) => {
      const halves = halveProfile(profile);
      if (profile.samples.length < 2) {
        assert.equal(halves, undefined);
        return;
      }
      assert.ok(halves);
      const [first, second] = halves;
      assert.ok(first.samples.length - second.samples.length <= 1 && second.samples.length > 0);
      assert.equal(samplesIn(first) + samplesIn(second), samplesIn(profile));
      assert.equal(ticksIn(first) + ticksIn(second), ticksIn(profile));
      for (const half of halves) checkValid(encodePprof(half));
    }),
  );
});
