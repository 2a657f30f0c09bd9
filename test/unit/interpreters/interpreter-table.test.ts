import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Executable } from "#src/executables/executable.js";
import { InterpreterTable } from "#src/interpreters/interpreter-table.js";
import type { FoundInterpreter } from "#src/interpreters/interpreter.js";
import { frameKind, interpreterLayout, limits } from "#src/native/abi.generated.js";

function found(version: string): FoundInterpreter {
  const bytes = new Uint8Array(interpreterLayout.sizeOf);
  new DataView(bytes.buffer).setUint32(interpreterLayout.kind, frameKind.python, true);
  return { name: "python", version, bytes };
}

function executable(): Executable {
  return { interpreter: undefined } as Executable;
}

function tableOf(excluded: ConstructorParameters<typeof InterpreterTable>[1] = []) {
  const written: number[] = [];
  let refuses = false;
  const table = new InterpreterTable(
    {
      updateElement: (map, key) => {
        assert.equal(map, "interpreters");
        if (refuses) throw new Error("E2BIG");
        written.push(key[0]);
      },
    },
    excluded,
  );
  return {
    ...{ table, written },
    refuse: () => {
      refuses = true;
    },
  };
}

describe("interpreters' files", () => {
  it("have a number each, which rests before another has it", () => {
    const { table, written } = tableOf();
    const [first, second, third] = [executable(), executable(), executable()];
    table.take(first, found("3.12.4"));
    table.take(second, found("3.12.4"));
    assert.deepEqual(first.interpreter, { number: 1, kind: frameKind.python });
    assert.deepEqual(second.interpreter, { number: 2, kind: frameKind.python });
    table.letGo(first);
    assert.equal(first.interpreter, undefined);
    table.take(third, found("3.13.0"));
    assert.equal(third.interpreter?.number, 3);
    assert.deepEqual(written, [0, 1, 2], "keys begin at 0");
    assert.deepEqual([...table.found], [["python 3.12.4", 2], ["python 3.13.0", 1]]); // prettier-ignore
  });

  it("are none where the language is excluded, or the file is no interpreter's", () => {
    const { table, written } = tableOf(["python"]);
    const one = executable();
    table.take(one, found("3.12.4"));
    table.take(one, undefined);
    assert.equal(one.interpreter, undefined);
    assert.deepEqual(written, []);
  });

  it("keep their number when their rows are made again", () => {
    const { table, written } = tableOf();
    const one = executable();
    table.take(one, found("3.12.4"));
    table.take(one, found("3.12.4"));
    assert.equal(one.interpreter?.number, 1);
    assert.deepEqual(written, [0]);
  });

  it("that cannot be walked are counted, and say why", () => {
    const { table } = tableOf();
    const one = executable();
    table.take(one, { name: "python", problem: "cpython 3.99: unknown layout" });
    assert.equal(one.interpreter, undefined);
    assert.deepEqual([...table.problems], [["python unknown-layout", 1]]);
    assert.deepEqual([...table.details], ["cpython 3.99: unknown layout"]);
  });

  it("beyond what the kernel side has room for, or refuses, stay native ones", () => {
    const { table } = tableOf();
    for (let n = 0; n < limits.maxInterpreters; n++) table.take(executable(), found("3.8.1"));
    const last = executable();
    table.take(last, found("3.8.1"));
    assert.equal(last.interpreter, undefined);
    assert.deepEqual([...table.problems], [["python no-room", 1]]);

    const other = tableOf();
    other.refuse();
    other.table.take(last, found("3.8.1"));
    assert.equal(last.interpreter, undefined);
    assert.deepEqual([...other.table.problems], [["python refused", 1]]);
  });

  it("of versions without end do not fill memory", () => {
    const { table } = tableOf();
    for (let n = 0; n < 1000; n++) {
      table.take(executable(), { name: "python", problem: `cpython 3.${n}: unknown layout` });
      const one = executable();
      table.take(one, found(`3.8.${n}`));
      table.letGo(one);
    }
    assert.ok(table.details.size < 100 && table.found.size < 100);
  });
});
