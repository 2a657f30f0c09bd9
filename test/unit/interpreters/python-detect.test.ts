import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { FileSource, MemorySource } from "#src/elf/byte-source.js";
import { detectBy } from "#src/interpreters/detect.js";
import { python } from "#src/interpreters/python/python.js";
import { DEBUG_OFFSETS_BYTES, readDebugOffsets } from "#src/interpreters/python/debug-offsets.js";
import { interpreterLayout, pythonLayoutLayout } from "#src/native/abi.generated.js";
import { fuzz, mutated, withinMs } from "../../support/fuzz.js";
import { findPythons } from "../../support/pythons.js";

/** Of a layout, what the headers of a version say; a line each: "field offset". */
const HEADERS = `
#define Py_BUILD_CORE 1
#include <Python.h>
#include <frameobject.h>
#include <stddef.h>
#include <stdio.h>
#if PY_MINOR_VERSION >= 9
#include "internal/pycore_runtime.h"
#include "internal/pycore_interp.h"
#endif
#include "internal/pycore_pystate.h"
#if PY_MINOR_VERSION >= 11
#include "internal/pycore_frame.h"
#include "internal/pycore_code.h"
#endif
#define SAY(field, type, member) printf("%s %zu\\n", field, offsetof(type, member))
int main(void) {
  SAY("interpretersHead", _PyRuntimeState, interpreters.head);
#if PY_MINOR_VERSION <= 11
  SAY("currentThread", _PyRuntimeState, gilstate.tstate_current);
#endif
  SAY("interpreterNext", PyInterpreterState, next);
  SAY("threadNext", PyThreadState, next);
  SAY("threadInterpreter", PyThreadState, interp);
  SAY("threadId", PyThreadState, thread_id);
  SAY("codeFlags", PyCodeObject, co_flags);
  SAY("codeFirstLine", PyCodeObject, co_firstlineno);
  SAY("codeFilename", PyCodeObject, co_filename);
  SAY("codeName", PyCodeObject, co_name);
  SAY("stringLength", PyASCIIObject, length);
  SAY("stringHash", PyASCIIObject, hash);
  SAY("stringState", PyASCIIObject, state);
  SAY("bytesSize", PyBytesObject, ob_base.ob_size);
  SAY("bytesData", PyBytesObject, ob_sval);
  printf("stringAsciiBytes %zu\\nstringCompactBytes %zu\\n", sizeof(PyASCIIObject), sizeof(PyCompactUnicodeObject));
#if PY_MINOR_VERSION <= 10
  SAY("threadsHead", PyInterpreterState, tstate_head);
  SAY("threadFrame", PyThreadState, frame);
  SAY("frameStart", PyFrameObject, f_back);
  printf("frameCode %zu\\n", offsetof(PyFrameObject, f_code) - offsetof(PyFrameObject, f_back));
  printf("frameInstruction %zu\\n", offsetof(PyFrameObject, f_lasti) - offsetof(PyFrameObject, f_back));
  SAY("codeSize", PyCodeObject, co_code);
#else
  SAY("threadsHead", PyInterpreterState, threads.head);
  SAY("codeQualifiedName", PyCodeObject, co_qualname);
  SAY("codeLineTable", PyCodeObject, co_linetable);
  SAY("codeInstructions", PyCodeObject, co_code_adaptive);
  SAY("codeFirstTraceable", PyCodeObject, _co_firsttraceable);
  SAY("codeSize", PyCodeObject, ob_base.ob_size);
  SAY("framePrevious", _PyInterpreterFrame, previous);
#if PY_MINOR_VERSION == 11
  SAY("frameOwner", _PyInterpreterFrame, is_entry);
#else
  SAY("frameOwner", _PyInterpreterFrame, owner);
#endif
#if PY_MINOR_VERSION <= 12
  SAY("threadFrame", PyThreadState, cframe);
  SAY("cframeFrame", _PyCFrame, current_frame);
  SAY("cframePrevious", _PyCFrame, previous);
  SAY("frameCode", _PyInterpreterFrame, f_code);
  SAY("frameInstruction", _PyInterpreterFrame, prev_instr);
#else
  SAY("threadFrame", PyThreadState, current_frame);
  SAY("frameCode", _PyInterpreterFrame, f_executable);
  SAY("frameInstruction", _PyInterpreterFrame, instr_ptr);
#endif
#endif
  return 0;
}
`;

function headersOf(file: string): string | undefined {
  const base = join(dirname(dirname(file)), "include");
  const folder = existsSync(base) ? readdirSync(base).find((name) => name.startsWith("python3.")) : undefined;
  const include = folder && join(base, folder);
  return include !== undefined && existsSync(join(include, "internal")) ? include : undefined;
}

/** What a version's headers say; undefined where they are not there. */
function saidByHeaders(file: string): ReadonlyMap<string, number> | undefined {
  const include = headersOf(file);
  if (include === undefined) return undefined;
  const directory = mkdtempSync(join(tmpdir(), "hostflame-python-"));
  try {
    const source = join(directory, "offsets.c");
    writeFileSync(source, HEADERS);
    const program = join(directory, "offsets");
    const flags = ["-w", `-I${include}`, `-I${join(include, "internal")}`];
    if (spawnSync("gcc", [...flags, "-o", program, source]).status !== 0) return undefined;
    const lines = execFileSync(program, { encoding: "utf8" }).trim().split("\n");
    return new Map(lines.map((line) => [line.split(" ")[0], Number(line.split(" ")[1])]));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function detect(file: string): ReturnType<typeof detectBy> {
  const fd = openSync(file, "r");
  try {
    return detectBy(python, new FileSource(fd, fstatSync(fd).size));
  } finally {
    closeSync(fd);
  }
}

describe("a file of CPython", () => {
  const pythons = findPythons();

  it("has the layout of its headers", { skip: pythons.length === 0 }, (context) => {
    for (const { file, version } of pythons) {
      const finding = detect(file);
      assert.ok(finding !== undefined && "bytes" in finding, `${version}: ${JSON.stringify(finding)}`);
      assert.ok(version.startsWith(finding.version), `${version} is taken for ${finding.version}`);
      const said = saidByHeaders(file);
      context.diagnostic(`${version}: ${said?.size ?? 0} offsets`);
      const view = new DataView(finding.bytes.buffer, interpreterLayout.layout);
      for (const [field, offset] of said ?? []) {
        const at = pythonLayoutLayout[field as keyof typeof pythonLayoutLayout];
        assert.equal(view.getUint32(at, true), offset, `${version} ${field}`);
      }
    }
  });

  it("is refused when its version is not known", () => {
    const bytes = Buffer.alloc(DEBUG_OFFSETS_BYTES);
    for (let at = 24; at < bytes.length; at += 8) bytes.writeBigUInt64LE(64n, at);
    bytes.write("xdebugpy");
    bytes.writeBigUInt64LE(0x030e00f0n, 8);
    assert.notEqual(readDebugOffsets(bytes, 14), undefined);
    assert.equal(readDebugOffsets(bytes, 13), undefined, "another minor version than the file's");
    assert.equal(readDebugOffsets(bytes, 15), undefined);
    bytes.write("ydebugpy");
    assert.equal(readDebugOffsets(bytes, 14), undefined);
  });

  it("of any bytes is no interpreter, or one", { skip: pythons.length === 0 }, () => {
    const smallest = Math.min(...pythons.map(({ file }) => readFileSync(file).length));
    const seed = pythons.map(({ file }) => readFileSync(file)).find(({ length }) => length === smallest)!;
    fuzz(
      fc.property(mutated([seed]), (bytes) => {
        withinMs(3000, () => detectBy(python, new MemorySource(bytes)));
      }),
      20,
    );
    const tables = mutated([seed.subarray(0, DEBUG_OFFSETS_BYTES)]);
    fuzz(
      fc.property(tables, fc.constantFrom(13, 14), (bytes, minor) => {
        const copy = Buffer.from(bytes);
        copy.write("xdebugpy");
        if (copy.length >= 16) copy.writeBigUInt64LE((0x0300n | BigInt(minor)) << 16n, 8);
        const offsets = readDebugOffsets(copy, minor);
        assert.ok(offsets === undefined || Object.values(offsets).every((offset) => offset >= 0 && offset < 1 << 25));
      }),
      200,
    );
  });
});
