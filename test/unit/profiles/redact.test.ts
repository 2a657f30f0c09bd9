import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";

import type { Profile } from "#src/model/profile.js";
import { encodePprof } from "#src/profiles/pprof.js";
import { redactProfile } from "#src/profiles/redact.js";
import { arbitraryProfile } from "../../support/arbitrary-profile.js";
import { checkValid } from "../../support/check-valid.js";
import { ProfileBuilder } from "../../support/profile-builder.js";

const KEY = Buffer.from("a key of the operator's");

function hash(text: string, key = KEY): string {
  return text === "" ? "" : createHmac("sha256", key).update(text).digest("hex").slice(0, 12);
}

/** Every text that can be read in a profile. */
function textsOf({ functions, mappings, threads }: Profile): string[] {
  return [
    ...functions.flatMap(({ name, systemName, fileName }) => [name, systemName, fileName]),
    ...mappings.flatMap(({ fileName, buildId }) => [fileName, buildId]),
    ...threads.map(({ comm }) => comm),
  ];
}

test("names of functions, files and threads are keyed hashes; the kernel's stay", () => {
  const profile = new ProfileBuilder().add("payroll;main;settle@/opt/payroll;memcpy_[k]", 3).build();
  const redacted = redactProfile(profile, KEY);
  assert.deepEqual(
    textsOf(redacted)
      .filter((text) => text !== "")
      .sort(),
    [
      "[kernel.kallsyms]",
      hash("/opt/payroll"),
      hash("/usr/bin/payroll"),
      hash("main"),
      hash("main"),
      hash("payroll"),
      hash("settle"),
      hash("settle"),
      "memcpy",
      "memcpy",
    ].sort(),
  );
  assert.equal(redacted.mappings.filter(({ buildId }) => buildId !== "").length, 0);
});

test("a function that the program shares with the kernel is hidden in the program", () => {
  const profile = new ProfileBuilder().add("a;memcpy;memcpy_[k]", 1).build();
  assert.equal(profile.functions.length, 1);
  const { functions, locations } = redactProfile(profile, KEY);
  const names = locations.map(({ kind, lines }) => `${kind} ${functions[lines[0].functionIndex].name}`);
  assert.deepEqual(names.sort(), ["kernel memcpy", `native ${hash("memcpy")}`]);
});

test("a file that calls itself the kernel is hidden like any other", () => {
  const profile = new ProfileBuilder().add("a;secret@[kernel.kallsyms];work_[k]", 1).build();
  assert.ok(!textsOf(redactProfile(profile, KEY)).includes("[kernel.kallsyms]"));
});

test("another key gives other hashes, the same key the same ones", () => {
  const profile = new ProfileBuilder().add("a;main", 1).build();
  const names = (key: string) => redactProfile(profile, Buffer.from(key)).functions.map(({ name }) => name);
  assert.deepEqual(names("one"), names("one"));
  assert.notDeepEqual(names("one"), names("two"));
});

test("nothing but the kernel's can be read in any profile, whose samples stay as they are", () => {
  fc.assert(
    fc.property(arbitraryProfile, (profile) => {
      const redacted = redactProfile(profile, KEY);
      assert.equal(redacted.samples, profile.samples);
      assert.equal(redacted.stacks, profile.stacks);
      for (const { kind, lines, mappingIndex } of redacted.locations) {
        if (kind === "kernel") continue;
        for (const { functionIndex, line } of lines) {
          assert.match(redacted.functions[functionIndex].name, /^[0-9a-f]{12}$/);
          assert.equal(line, 0);
        }
        if (mappingIndex >= 0) {
          assert.match(redacted.mappings[mappingIndex].fileName, /^([0-9a-f]{12}|\[vdso\]|\[anon\]|)$/);
        }
      }
      for (const { comm } of redacted.threads) assert.match(comm, /^([0-9a-f]{12})?$/);
      const names = (p: Profile) =>
        p.locations.map(({ kind, lines }) => lines.map(({ functionIndex }) => [kind, p.functions[functionIndex].name]));
      const expected = names(profile).map((lines) =>
        lines.map(([kind, name]) => [kind, kind === "kernel" ? name : hash(name)]),
      );
      assert.deepEqual(names(redacted), expected);
      checkValid(encodePprof(redacted));
    }),
    { numRuns: 300 },
  );
});
