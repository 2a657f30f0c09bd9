import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";

import { hottestFunctions } from "#src/profiles/hottest.js";
import { hottestTable } from "#src/profiles/hottest-table.js";
import { columnsOf } from "#src/util/printable.js";
import { arbitraryProfile, samplesIn, ticksIn } from "../../support/arbitrary-profile.js";
import { matchGolden } from "../../support/golden.js";
import { knownProfile } from "../../support/known-profile.js";
import { ProfileBuilder } from "../../support/profile-builder.js";

test("the known profile's table reads as it did", () => {
  const hottest = hottestFunctions(knownProfile(), 15);
  const wide = hottestTable(hottest, { width: 100, colour: false });
  const narrow = hottestTable(hottest, { width: 56, colour: false });
  matchGolden("profiles/hottest.txt", `${wide}\n${narrow}`);
});

test("recursion counts once a stack in total", () => {
  const profile = new ProfileBuilder().add("app;main;fib;fib;fib", 8).add("app;main", 2).build();
  const [fib, main] = hottestFunctions(profile, 10).functions;
  assert.deepEqual([fib.name, fib.self, fib.total], ["fib", 8, 8]);
  assert.deepEqual([main.name, main.self, main.total], ["main", 2, 10]);
});

test("a sample that stands for four ticks has four times the share, and is one sample", () => {
  const profile = new ProfileBuilder().add("app;main;thinned", 3, { weight: 4 }).add("app;main;whole", 8).build();
  const hottest = hottestFunctions(profile, 10);
  assert.deepEqual([hottest.samples, hottest.ticks], [11, 20]);
  const [thinned, whole] = hottest.functions;
  assert.deepEqual([thinned.name, thinned.samples, thinned.self], ["thinned", 3, 12]);
  assert.deepEqual([whole.name, whole.samples, whole.self], ["whole", 8, 8]);
  assert.match(hottestTable(hottest, { width: 80, colour: false }), /60\.0%\s+60\.0%\s+3\s+thinned/);
});

test("the innermost inlined function has the self time", () => {
  const { functions } = hottestFunctions(new ProfileBuilder().add("app;main > inner", 5).build(), 10);
  assert.deepEqual(
    functions.map(({ name, self, total }) => [name, self, total]),
    [
      ["inner", 5, 5],
      ["main", 0, 5],
    ],
  );
});

test("one name in two files is two functions", () => {
  const profile = new ProfileBuilder().add("a;main", 1).add("b;main", 2).build();
  const { functions, distinct } = hottestFunctions(profile, 1);
  assert.deepEqual(
    functions.map(({ where, self }) => [where, self]),
    [["b", 2]],
  );
  assert.equal(distinct, 2);
});

test("the table says so when there are no samples", () => {
  const hottest = hottestFunctions(new ProfileBuilder().build(), 10);
  assert.equal(hottestTable(hottest, { width: 80, colour: false }), "No samples.\n");
});

test("self counts add up to the samples with frames; total never exceeds all, nor falls below self", () => {
  fc.assert(
    fc.property(arbitraryProfile, (profile) => {
      const { samples, ticks, functions } = hottestFunctions(profile, Infinity);
      assert.equal(samples, samplesIn(profile));
      assert.equal(ticks, ticksIn(profile));
      const { offsets } = profile.stacks;
      let framed = 0;
      let framedTicks = 0;
      for (const [row, stack] of profile.samples.stack.entries()) {
        if (offsets[stack + 1] === offsets[stack]) continue;
        framed += profile.samples.count[row];
        framedTicks += profile.samples.ticks[row];
      }
      const sum = (column: "self" | "samples") => functions.reduce((total, row) => total + row[column], 0);
      assert.equal(sum("samples"), framed);
      assert.equal(sum("self"), framedTicks);
      assert.ok(functions.every(({ self, total }) => self <= total && total <= ticks));
    }),
  );
});

test("no line of the table is wider than the terminal or leaves its line, whatever the names", () => {
  fc.assert(
    fc.property(arbitraryProfile, fc.integer({ min: 0, max: 300 }), (profile, width) => {
      const hottest = hottestFunctions(profile, 10);
      const lines = hottestTable(hottest, { width, colour: false }).split("\n");
      assert.equal(lines.length, hottest.samples === 0 ? 2 : hottest.functions.length + 2);
      const allowed = Math.max(width, 64);
      for (const line of lines) {
        assert.ok(columnsOf(line) <= allowed, line);

        assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f]/);
      }
    }),
  );
});

test("colours change nothing but the colours", () => {
  const hottest = hottestFunctions(knownProfile(), 5);

  const stripped = hottestTable(hottest, { width: 80, colour: true }).replaceAll(/\u001b\[\d+m/g, "");
  const plain = hottestTable(hottest, { width: 80, colour: false });
  assert.deepEqual(
    stripped.split("\n").map((line) => line.trimEnd()),
    plain.split("\n"),
  );
});
