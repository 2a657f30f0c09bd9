import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";

import { foldedChunks } from "#src/profiles/folded.js";
import { arbitraryProfile, ticksIn } from "../../support/arbitrary-profile.js";
import { matchGolden } from "../../support/golden.js";
import { knownProfile } from "../../support/known-profile.js";
import { ProfileBuilder } from "../../support/profile-builder.js";

const foldedText = (...args: Parameters<typeof foldedChunks>) => [...foldedChunks(...args)].join("");

test("the known profile folds as it did", () => {
  matchGolden("profiles/folded.txt", foldedText(knownProfile()));
});

test("a profile without samples folds to nothing", () => {
  assert.deepEqual([...foldedChunks(new ProfileBuilder().build())], []);
});

test("threads, processes and addresses that read the same are one line", () => {
  const builder = new ProfileBuilder();
  const here = builder.location(["f"], "/bin/app", "native");
  const there = builder.location(["f"], "/bin/app", "native");
  builder.addFrames("app", [here], 1, { pid: 1, tid: 1 }).addFrames("app", [there], 2, { pid: 2, tid: 5 });
  assert.equal(foldedText(builder.build()), "app;f 3\n");
});

test("names that would break a line are made harmless", () => {
  const builder = new ProfileBuilder();
  const names = ["a;b", "c\nd", "\u001b[2J", "e\u2028f"].map((name) => builder.location([name], "/x", "native"));
  builder.addFrames("", names, 7);
  assert.equal(foldedText(builder.build()), "[unknown];a:b;c d; [2J;e f 7\n");
});

test("inlined functions stand between their caller and what they call", () => {
  const profile = new ProfileBuilder().add("app;main > inlined > inner;leaf", 1).build();
  assert.equal(foldedText(profile), "app;main;inlined_[i];inner_[i];leaf 1\n");
});

test("every line is well formed, no two are alike, and the counts add up, whatever the names", () => {
  fc.assert(
    fc.property(arbitraryProfile, (profile) => {
      const text = foldedText(profile);
      const lines = text.split("\n").slice(0, -1);
      const counts = lines.map((line) => Number(/^[^\n]*[^;\n] (\d+)$/.exec(line)![1]));
      assert.equal(
        counts.reduce((sum, count) => sum + count, 0),
        ticksIn(profile),
      );
      assert.equal(new Set(lines.map((line) => line.slice(0, line.lastIndexOf(" ")))).size, lines.length);
    }),
  );
});

test("a hundred thousand stacks come in chunks", () => {
  const builder = new ProfileBuilder();
  const frames = Array.from({ length: 60 }, (_, i) => builder.location([`function_${i}`], "/bin/app", "native"));
  for (let i = 0; i < 100_000; i++) {
    const path = [frames[0], frames[i % 50], frames[(i >> 3) % 51], frames[(i >> 7) % 53], frames[i % 59]];
    builder.addFrames(`app${i % 20}`, path, 1);
  }
  const chunks = [...foldedChunks(builder.build())];
  assert.ok(chunks.length > 10);
  assert.ok(chunks.every((chunk) => chunk.endsWith("\n") && chunk.length < 70_000));
});
