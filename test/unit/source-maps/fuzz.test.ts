import assert from "node:assert/strict";
import { closeSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import fc from "fast-check";
import { loadNative } from "#src/native/load.js";
import { openProcessRoot } from "#src/source-maps/process-root.js";
import { SourceMapReader } from "#src/source-maps/answer.js";
import { listSpans, objectSpans, scalarAt } from "#src/source-maps/json-spans.js";
import { lookUpMappings } from "#src/source-maps/mappings.js";
import { mappingUrlOf } from "#src/source-maps/script-ending.js";
import { mapReference, scriptPath } from "#src/source-maps/script-path.js";
import { lookUpPoints, nameOf, readSourceMap, sourceOf } from "#src/source-maps/source-map.js";
import { readableSource } from "#src/source-maps/source-name.js";
import { fuzz, mutated } from "../../support/fuzz.js";
import { startTimeNs } from "../../support/proc.js";

const PLAIN = { version: 3, sources: ["a.ts", "b.ts"], names: ["one", "two"], mappings: "AAAAA,E;ACCAC" };
const INDEX = { version: 3, sections: [{ offset: { line: 0, column: 3 }, map: PLAIN }] };
const SEEDS = [PLAIN, INDEX].map((map) => Buffer.from(JSON.stringify(map)));
const skip = process.getuid?.() === 0 ? false : "needs root";

const directory = mkdtempSync(join(tmpdir(), "hostflame-mapfuzz-"));
after(() => rmSync(directory, { recursive: true }));

const ofText = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));
const points = fc
  .array(fc.record({ line: fc.nat(14), column: fc.nat(320) }), { maxLength: 30 })
  .map((list) => list.sort((one, other) => one.line - other.line || one.column - other.column));

describe("what somebody wrote into scripts and their maps", () => {
  it("spans of damaged JSON lie in it", () => {
    const seed = Buffer.from(JSON.stringify({ sources: ["a", "b\\"], sections: [{ offset: { line: 1 } }] }));
    fuzz(
      fc.property(fc.oneof(mutated([seed]), fc.uint8Array({ maxLength: 100 })), (bytes) => {
        const text = Buffer.from(bytes);
        for (const span of objectSpans(text, 0)?.values() ?? []) {
          assert.ok(span.start < span.end && span.end <= text.length);
          scalarAt(text, span, 100);
          listSpans(text, span, 100);
          objectSpans(text, span.start);
        }
      }),
      1000,
    );
  });

  it("mappings of any bytes give an answer", () => {
    const text = fc
      .array(fc.constantFrom(..."ACDEgkPO,;;!/".split("")), { maxLength: 200 })
      .map((list) => list.join(""));
    fuzz(
      fc.property(fc.oneof(text.map(ofText), fc.uint8Array({ maxLength: 200 })), points, (mappings, asked) => {
        const found = lookUpMappings(mappings, asked);
        if (found === undefined) return;
        assert.equal(found.length, asked.length);
        for (const { segments } of found) {
          for (const value of segments.flatMap((segment) => Object.values(segment) as number[])) {
            assert.ok(Number.isInteger(value) && value >= -1 && value < 2 ** 31);
          }
        }
      }),
      2000,
    );
  });

  it("maps with damage are read or refused", () => {
    fuzz(
      fc.property(
        fc.oneof(mutated(SEEDS), fc.uint8Array({ maxLength: 200 })),
        fc.nat(3),
        fc.nat(40),
        (bytes, line, column) => {
          const map = readSourceMap(Buffer.from(bytes));
          if (typeof map === "string") return;
          for (const { section, mapped } of lookUpPoints(map, [{ line, column }]) ?? []) {
            for (const segment of mapped?.segments ?? []) {
              const [file, name] = [sourceOf(section!, segment, "/m/x.map"), nameOf(section!, segment)];
              assert.doesNotMatch(`${file}${name}`, /[\u0000-\u001f\u202e]/);
            }
          }
        },
      ),
      2000,
    );
  });

  it("endings and names of any text are text, and a path or nothing", () => {
    const pieces = fc.constantFrom(
      "//# sourceMappingURL=",
      "\n",
      "data:",
      ",",
      "..",
      "/",
      "%2e",
      "%",
      "file:",
      "//",
      "a.map",
      "'",
      "\ud800",
      "\0",
      " ",
    );
    const text = fc
      .array(fc.oneof(pieces, fc.string({ unit: "binary", maxLength: 6 })), { maxLength: 40 })
      .map((parts) => parts.join(""));
    fuzz(
      fc.property(text, fc.oneof(fc.constant("/app/a.js"), text), (script, name) => {
        const path = scriptPath(name) ?? "/app/a.js";
        assert.ok(path.startsWith("/") && !path.includes("\0") && !/(^|\/)\.\.(\/|$)/.test(path));
        const url = mappingUrlOf(Buffer.from(`//# sourceMappingURL=${script}`)) ?? script;
        const reference = mapReference(url, path);
        if (reference.kind === "path") assert.ok(reference.path.startsWith("/") && !reference.path.includes("\0"));
        readableSource(script, url, path);
      }),
      1500,
    );
  });

  it("files of any content give an answer, and leave no descriptor", { skip }, () => {
    const self = { pid: process.pid, startTimeNs: startTimeNs(process.pid) };
    const root = openProcessRoot(self);
    assert.ok(typeof root !== "string");
    const path = join(directory, "a.js");
    const script = Buffer.from(
      `function a(b) {}\nlet c = (d) => d;\n/*${" licence".repeat(8)} */\n//# sourceMappingURL=a.js.map\n`,
    );
    const inline = Buffer.concat([
      script.subarray(0, script.lastIndexOf("a.js.map")),
      Buffer.from(`data:application/json;base64,${SEEDS[0].toString("base64")}`),
    ]);
    const columns = Uint32Array.of(0, 10, 300);
    const request = {
      process: self,
      rootFd: root.fd,
      uid: root.uid,
      path,
      lines: new Uint32Array(3),
      columns,
      characters: -1,
    };
    const kinds = new Set<string>();
    fuzz(
      fc.property(mutated([script, inline]), mutated(SEEDS), fc.nat(4), (text, map, line) => {
        writeFileSync(path, text);
        writeFileSync(`${path}.map`, map);
        const reader = new SourceMapReader(loadNative().addon.withPath);
        const answer = reader.answer({ ...request, lines: new Uint32Array(3).fill(line), maxBytes: 1 << 20 });
        assert.equal(answer.fileRows.length, 3);
        for (const row of answer.fileRows) assert.ok(row === -1 || answer.files[row] !== undefined);
        for (const row of answer.nameRows) assert.ok(row === -1 || answer.names[row] !== undefined);
        for (const outcome of answer.outcomes) kinds.add(outcome);
      }),
      400,
    );
    closeSync(root.fd);
    assert.ok(kinds.has("map read") && kinds.has("map malformed"), [...kinds].join());
  });
});
