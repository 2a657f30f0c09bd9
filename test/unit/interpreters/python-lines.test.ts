import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import fc from "fast-check";
import { lineAt } from "#src/interpreters/python/line-table.js";
import { fuzz, mutated, withinMs } from "../../support/fuzz.js";
import { findPythons, type PythonUnderTest } from "../../support/pythons.js";

/** Line tables of the standard library's functions, and what the interpreter itself reads in them. */
const SCRIPT = `
import dis, glob, json, os, sys
folder = os.path.dirname(os.__file__)
codes = []
def visit(code):
    new = sys.version_info >= (3, 10)
    table = code.co_linetable if new else code.co_lnotab
    if new:
        lines = [[start, line or 0] for start, end, line in code.co_lines() if end > start]
    else:
        lines = [list(pair) for pair in dis.findlinestarts(code)]
    codes.append([code.co_firstlineno, list(table), len(code.co_code), lines])
    for constant in code.co_consts:
        if hasattr(constant, "co_code"):
            visit(constant)
for name in ("ast", "enum", "functools", "argparse", "typing", "dataclasses", "textwrap", "threading"):
    path = os.path.join(folder, name + ".py")
    with open(path, encoding="utf8") as file:
        visit(compile(file.read(), path, "exec"))
print(json.dumps(codes))
`;

type Code = readonly [firstLine: number, table: readonly number[], size: number, lines: readonly [number, number][]];

function codesOf(python: PythonUnderTest): readonly Code[] {
  const { stdout, stderr, status } = spawnSync(python.argv[0], [...python.argv.slice(1), "-c", SCRIPT], {
    encoding: "utf8",
    env: { ...process.env, ...python.env },
    maxBuffer: 1 << 28,
  });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as readonly Code[];
}

describe("a Python line table", () => {
  const pythons = findPythons();

  it("says what the interpreter reads in it, in each version", { skip: pythons.length === 0 }, () => {
    for (const python of pythons) {
      const codes = codesOf(python);
      assert.ok(codes.length > 500, `${codes.length} functions of ${python.version}`);
      for (const [firstLine, table, size, lines] of codes) {
        const bytes = Uint8Array.from(table);
        for (const [row, [start, line]] of lines.entries()) {
          const end = lines[row + 1]?.[0] ?? size;
          for (const position of new Set([start, end - 2])) {
            assert.equal(lineAt(bytes, python.minor, firstLine, position), line, `${python.version} ${position}`);
          }
        }
      }
    }
  });

  it("of any bytes is a number, soon", () => {
    const seed = Uint8Array.of(0x80, 0x00, 0xd8, 0x04, 0x08, 0xf0, 0x41, 0x01, 0xff, 0xe8, 0x7f);
    const tables = fc.oneof(fc.uint8Array({ maxLength: 4096 }), mutated([seed]));
    fuzz(
      fc.property(tables, fc.integer({ min: 0, max: 14 }), fc.nat(), fc.nat(), (table, minor, firstLine, position) => {
        const line = withinMs(100, () => lineAt(table, minor, firstLine, position));
        assert.ok(Number.isSafeInteger(line));
      }),
      500,
    );
  });
});
