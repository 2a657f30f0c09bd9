import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";

import { columnsOf, fitColumns, printable } from "#src/util/printable.js";

test("what could leave its line or turn its direction becomes a space", () => {
  assert.equal(printable("a\nb\u001b[2J\u0085\u2028\u202e\ufeffc"), "a b [2J    c");
  assert.equal(printable("ünïcode 漢字 🔥"), "ünïcode 漢字 🔥");
});

test("wide characters take two columns, combining marks none", () => {
  assert.equal(columnsOf("abc"), 3);
  assert.equal(columnsOf("漢字"), 4);
  assert.equal(columnsOf("e\u0301"), 1);
  assert.equal(columnsOf("🔥"), 2);
});

test("a text that is cut says so within its columns", () => {
  assert.equal(fitColumns("abcdef", 6), "abcdef");
  assert.equal(fitColumns("abcdef", 5), "abcd…");
  assert.equal(fitColumns("漢字漢字", 6), "漢字…");
  assert.equal(fitColumns("abc", 0), "");
});

test("no text is ever wider than its columns", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.nat({ max: 20 }), (text, columns) => {
      assert.ok(columnsOf(fitColumns(text, columns)) <= columns);
    }),
  );
});
