import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { lookUpPoints, nameOf, readSourceMap, sourceOf, type SourceMap } from "#src/source-maps/source-map.js";
import { withinMs } from "../../support/fuzz.js";

const PLAIN = { version: 3, sources: ["a.ts", "b.ts"], names: ["one", "two"], mappings: "AAAAA,E;ACCAC" };
const read = (map: unknown): ReturnType<typeof readSourceMap> => readSourceMap(Buffer.from(JSON.stringify(map)));

/** "file:line:column name" of points, "" of those that lead nowhere. */
function told(map: ReturnType<typeof readSourceMap>, ...points: readonly (readonly [number, number])[]): string[] {
  assert.ok(typeof map !== "string");
  const placed = lookUpPoints(
    map,
    points.map(([line, column]) => ({ line, column })),
  )!;
  return placed.map(({ section, mapped }) => {
    const segment = mapped?.segments[0];
    const file = segment && sourceOf(section!, segment, "/m/x.map");
    if (file === undefined) return "";
    return `${file}:${segment!.sourceLine}:${segment!.sourceColumn} ${nameOf(section!, segment!) ?? "-"}`;
  });
}

describe("a source map", () => {
  it("leads points to their sources, by name", () => {
    assert.deepEqual(told(read(PLAIN), [0, 0], [0, 1], [0, 2], [1, 9], [2, 0]), [
      ...["/m/a.ts:0:0 one", "/m/a.ts:0:0 one", "", "/m/b.ts:1:0 two", ""],
    ]);
  });

  it("may have what others put into it", () => {
    const other = {
      file: "x",
      x_google: [[[{ sources: ["no"] }]]],
      sourcesContent: ['"mappings":"AAAA"', null],
      ignoreList: [0],
    };
    assert.deepEqual(told(read({ ...other, ...PLAIN }), [0, 0]), ["/m/a.ts:0:0 one"]);
    const guarded = Buffer.from(`\ufeff)]}'\n${JSON.stringify(PLAIN)}`);
    assert.deepEqual(told(readSourceMap(guarded), [0, 0]), ["/m/a.ts:0:0 one"]);
    const escaped = JSON.stringify({ ...PLAIN, mappings: "AAAA,KAA/A" }).replace("KAA/A", "KAA\\/A");
    assert.equal(typeof readSourceMap(Buffer.from(escaped)), "object");
  });

  it("of sections has each where it begins, and nothing before the first", () => {
    const sections = [
      { offset: { line: 0, column: 10 }, map: PLAIN },
      { offset: { line: 0, column: 20 }, map: { ...PLAIN, sources: ["c.ts", "d.ts"] } },
      { offset: { line: 5, column: 0 }, map: { ...PLAIN, sourceRoot: "/r" } },
    ];
    const points = [
      [0, 9],
      [0, 10],
      [0, 20],
      [1, 0],
      [4, 0],
      [5, 0],
      [6, 3],
    ] as const;
    assert.deepEqual(told(read({ version: 3, sections }), ...points), [
      ...["", "/m/a.ts:0:0 one", "/m/c.ts:0:0 one", "/m/d.ts:1:0 two", "", "/r/a.ts:0:0 one", "/r/b.ts:1:0 two"],
    ]);
  });

  it("with a hole where a source or name should be leads nowhere there", () => {
    assert.deepEqual(told(read({ ...PLAIN, sources: [null, 5] }), [0, 0], [1, 0]), ["", ""]);
    assert.deepEqual(told(read({ ...PLAIN, names: [] }), [0, 0]), ["/m/a.ts:0:0 -"]);
    assert.deepEqual(told(read({ ...PLAIN, names: [["x"], { a: 1 }] }), [0, 0], [1, 0]), [
      "/m/a.ts:0:0 -",
      "/m/b.ts:1:0 -",
    ]);
    assert.deepEqual(told(read({ version: 3, mappings: "AAAA" }), [0, 0]), [""]);
  });

  it("that is none says so", () => {
    const section = { offset: { line: 0, column: 0 }, map: PLAIN };
    const wrong = [
      ...[[], 1, null, {}, { ...PLAIN, version: 2 }, { ...PLAIN, mappings: 5 }, { ...PLAIN, mappings: undefined }],
      ...[{ sections: {} }, { sections: [1] }, { sections: [{ map: PLAIN }] }, { sections: [{ ...section, map: 1 }] }],
      { sections: [{ ...section, map: { version: 3, sections: [section] } }] },
      { sections: [{ ...section, offset: { line: 1, column: 0 } }, section] },
      ...[
        { sections: [{ ...section, offset: { line: -1, column: 0 } }] },
        { sections: [{ ...section, offset: { line: 0.5, column: 0 } }] },
      ],
    ];
    for (const map of wrong) assert.equal(read(map), "malformed", JSON.stringify(map));
    assert.equal(read({ ...PLAIN, sources: Array.from({ length: (1 << 17) + 1 }, () => "") }), "limit-exceeded");
    for (const text of ["", "{", "<!doctype html>", JSON.stringify(PLAIN).slice(0, -2)]) {
      assert.equal(readSourceMap(Buffer.from(text)), "malformed", text);
    }
    const garbage = read({ ...PLAIN, mappings: "%%" }) as SourceMap;
    assert.equal(lookUpPoints(garbage, [{ line: 0, column: 0 }]), undefined);
  });

  it("holds what lookups take, and not the text of its sources", () => {
    const map = read({ ...PLAIN, sourcesContent: ["x".repeat(1 << 20)] });
    assert.ok(typeof map !== "string" && map.bytes < 2048, JSON.stringify(map).slice(0, 100));
  });

  it("of the largest size that nobody made for reading is refused or read, at once and in little memory", () => {
    const before = process.memoryUsage();
    const size = 32 << 20;
    const pad = (head: string, piece: string, tail: string): Buffer => {
      const bytes = Buffer.alloc(size, piece);
      bytes.write(head);
      bytes.write(tail, size - tail.length);
      return bytes;
    };
    const cases = [
      pad('{"version":3,"mappings":"', "AAAA,", '"}'),
      pad('{"version":3,"mappings":"A","names":[', '"",', '""]}'),
      pad('{"version":3,"mappings":"A","names":[', "[],", "[]]}"),
      pad('{"version":3,"mappings":"A","x":', "[", ""),
      pad('{"version":3,"sections":[', '{"a":{}},', "1]}"),
      pad('{"version":3,"mappings":"A","sources":["', "\\\\", '"]}'),
      pad("{", '"a":1,', '"a":1}'),
    ];
    for (const file of cases) {
      withinMs(4000, () => {
        const map = readSourceMap(file);
        if (typeof map !== "string") lookUpPoints(map, [{ line: 0, column: 1 << 20 }]);
      });
    }
    const grown = process.memoryUsage().heapUsed - before.heapUsed;
    assert.ok(grown < 32 << 20, `${grown} bytes of heap`);
  });
});
