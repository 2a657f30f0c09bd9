import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { listSpans, objectSpans } from "#src/source-maps/json-spans.js";
import { fuzz, withinMs } from "../../support/fuzz.js";

function valuesOf(text: string): Record<string, unknown> | undefined {
  const bytes = Buffer.from(text);
  const spans = objectSpans(bytes, 0);
  return (
    spans &&
    Object.fromEntries(
      [...spans].map(([key, { start, end }]) => [key, JSON.parse(bytes.toString("utf8", start, end)) as unknown]),
    )
  );
}

describe("spans of JSON", () => {
  it("are of the values that JSON.parse finds, however they are written", () => {
    fuzz(
      fc.property(
        fc.dictionary(
          fc.string({ maxLength: 20 }).filter((key) => /^[ !#-[\]-~]*$/.test(key) && key !== "__proto__"),
          fc.jsonValue({ maxDepth: 5 }),
          { maxKeys: 8 },
        ),
        fc.constantFrom(0, 1, "\t", "\r\n "),
        (value, space) => {
          assert.deepEqual(valuesOf(JSON.stringify(value, null, space)), JSON.parse(JSON.stringify(value)));
        },
      ),
      500,
    );
  });

  it("are of the elements of a list", () => {
    fuzz(
      fc.property(fc.array(fc.jsonValue(), { maxLength: 200 }), (list) => {
        const text = Buffer.from(` ${JSON.stringify(list)}`);
        const spans = listSpans(text, { start: 0 }, 200)!;
        const found = list.map(
          (_, row) => JSON.parse(text.toString("utf8", spans[2 * row], spans[2 * row + 1])) as unknown,
        );
        assert.equal(spans.length, 2 * list.length);
        assert.deepEqual(found, JSON.parse(JSON.stringify(list)));
      }),
      300,
    );
  });

  it("end a string at its own quote", () => {
    assert.deepEqual(valuesOf(String.raw`{"a":"\\","b":"\"","c":"\\\"]}"}`), { a: "\\", b: '"', c: '\\"]}' });
  });

  it("are none of text that breaks off, is no object, or has more than there may be", () => {
    for (const text of [
      "",
      "[]",
      "{",
      '{"a',
      '{"a"',
      '{"a":',
      '{"a":1',
      '{"a":1,',
      '{"a":"b',
      '{"a":[1}',
      "{1:2}",
      '{"a" 1}',
    ]) {
      assert.equal(objectSpans(Buffer.from(text), 0), undefined, text);
    }
    const many = Array.from({ length: 100 }, (_, key) => `"${key}":0`).join();
    assert.equal(objectSpans(Buffer.from(`{${many}}`), 0), undefined);
    assert.equal(listSpans(Buffer.from("[1,2,3]"), { start: 0 }, 2), undefined);
  });

  it("of text that is nested without end are none, at once", () => {
    const deep = Buffer.alloc(32 << 20, "[");
    deep.write('{"mappings":');
    withinMs(1000, () => assert.equal(objectSpans(deep, 0), undefined));
    const objects = Buffer.alloc(32 << 20, '{"a":');
    withinMs(1000, () => assert.equal(objectSpans(objects, 0), undefined));
  });

  it("of quotes and backslashes take no longer than their length", () => {
    for (const piece of ["\\", '\\"', '"', '\\\\"']) {
      const text = Buffer.alloc(16 << 20, piece);
      text.write('{"a":"');
      withinMs(2000, () => objectSpans(text, 0));
    }
  });
});
