import assert from "node:assert/strict";
import { SourceMap as NodeSourceMap } from "node:module";
import { describe, it } from "node:test";
import fc from "fast-check";
import { lookUpMappings, type Point } from "#src/source-maps/mappings.js";
import { fuzz, withinMs } from "../../support/fuzz.js";

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** A base64 VLQ, as the standard has it. */
function digitsOf(value: number): string {
  let rest = value < 0 ? -value * 2 + 1 : value * 2;
  let text = "";
  do {
    const low = rest % 32;
    rest = Math.floor(rest / 32);
    text += DIGITS[rest > 0 ? low + 32 : low];
  } while (rest > 0);
  return text;
}

type Row = readonly [column: number, source: number, line: number, sourceColumn: number, name: number];

/** Mappings of lines of segments; a source of -1 makes a segment of one number, a name of -1 one of four. */
function mappingsOf(lines: readonly (readonly Row[])[]): string {
  const before = [0, 0, 0, 0, 0];
  return lines
    .map((rows) => {
      before[0] = 0;
      return rows
        .map((row) =>
          row
            .slice(0, row[1] < 0 ? 1 : row[4] < 0 ? 4 : 5)
            .map((value, field) => {
              const text = digitsOf(value - before[field]);
              before[field] = value;
              return text;
            })
            .join(""),
        )
        .join(",");
    })
    .join(";");
}

const ofText = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));
const inOrder = (one: Point, other: Point): number => one.line - other.line || one.column - other.column;

const rows = fc
  .array(
    fc.tuple(fc.nat(300), fc.integer({ min: -1, max: 3 }), fc.nat(5000), fc.nat(300), fc.integer({ min: -1, max: 5 })),
    { maxLength: 12 },
  )
  .map((list) => [...new Map(list.map((row) => [row[0], row])).values()].sort((a, b) => a[0] - b[0]));
const points = fc
  .array(fc.record({ line: fc.nat(14), column: fc.nat(320) }), { maxLength: 30 })
  .map((list) => list.sort(inOrder));

describe("mappings", () => {
  it("lead to where the segment before a point on its line leads", () => {
    fuzz(
      fc.property(fc.array(rows, { maxLength: 12 }), points, (lines, asked) => {
        const found = lookUpMappings(ofText(mappingsOf(lines)), asked)!;
        for (const [at, { line, column }] of asked.entries()) {
          const onLine = lines[line] ?? [];
          const before = onLine
            .filter((row) => row[0] <= column)
            .slice(-4)
            .reverse();
          const { segments, lastColumn } = found[at];
          assert.equal(lastColumn, onLine.at(-1)?.[0] ?? -1);
          assert.equal(segments.length, before.length);
          for (const [back, row] of before.entries()) {
            const [from, source, sourceLine, sourceColumn, name] = row;
            const segment = segments[back];
            if (source < 0) {
              assert.deepEqual([segment.column, segment.source, segment.name], [from, -1, -1]);
            } else {
              assert.deepEqual(segment, { column: from, source, sourceLine, sourceColumn, name });
            }
          }
        }
      }),
      500,
    );
  });

  it("say what Node.js's own reader says", () => {
    fuzz(
      fc.property(fc.array(rows, { minLength: 1, maxLength: 12 }), points, (lines, asked) => {
        const mappings = mappingsOf(lines);
        const names = Array.from({ length: 6 }, (_, row) => `n${row}`);
        const sources = ["a", "b", "c", "d"];
        const oracle = new NodeSourceMap({
          version: 3,
          file: "",
          sources,
          names,
          mappings,
          sourcesContent: [],
          sourceRoot: "",
        });
        const found = lookUpMappings(ofText(mappings), asked)!;
        for (const [at, { line, column }] of asked.entries()) {
          const [segment] = found[at].segments;
          // Where its line has nothing before a point, Node.js takes what an earlier line has.
          if (segment === undefined || segment.source < 0) continue;
          const entry = oracle.findEntry(line, column) as {
            originalSource: string;
            originalLine: number;
            originalColumn: number;
          };
          assert.equal(entry.originalSource, sources[segment.source]);
          assert.deepEqual([entry.originalLine, entry.originalColumn], [segment.sourceLine, segment.sourceColumn]);
        }
      }),
      300,
    );
  });

  it("that are none are nothing, and what lies after the last point is not looked at", () => {
    const point = [{ line: 1, column: 5 }];
    for (const text of [
      "AA;AAAA",
      "AAAAAA;AAAA",
      "!;AAAA",
      "A;AAA!",
      "AADA;AAAA",
      "g;AAAA",
      ";D",
      "gggggggggggggA;A",
      ";KAAA,FAAA",
    ]) {
      assert.equal(lookUpMappings(ofText(text), point), undefined, text);
    }
    assert.equal(lookUpMappings(ofText("AAAA;AAAA;!"), point)?.length, 1);
    assert.deepEqual(lookUpMappings(ofText(""), point), [{ segments: [], lastColumn: -1 }]);
    assert.deepEqual(lookUpMappings(ofText("!"), []), []);
  });

  it("of ten million segments on one line are one pass, and kept nowhere", () => {
    const bytes = Buffer.alloc(60_000_000, "CAAAA,");
    const asked = Array.from({ length: 1000 }, (_, row) => ({ line: 0, column: row * 9999 + 1 }));
    const before = process.memoryUsage();
    const found = withinMs(8000, () => lookUpMappings(bytes, asked))!;
    const after = process.memoryUsage();
    for (const [row, { segments, lastColumn }] of found.entries()) {
      assert.equal(segments[0].column, asked[row].column);
      assert.equal(lastColumn, 10_000_000);
    }
    assert.ok(after.arrayBuffers - before.arrayBuffers < 4 << 20, `${after.arrayBuffers - before.arrayBuffers} bytes`);
  });

  it("of as many empty lines and segments end, too", () => {
    for (const piece of [";", ",", "A;"]) {
      withinMs(4000, () => lookUpMappings(Buffer.alloc(32 << 20, piece), [{ line: 2 ** 25, column: 0 }]));
    }
  });
});
