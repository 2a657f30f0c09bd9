import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { spellFunction } from "#src/jit/spelling.js";

/** As written → name, file, line. */
const SPELLINGS: readonly (readonly [string, string, string?, number?])[] = [
  // V8
  ["LazyCompile:*foo /app/x.js:10:5", "foo", "/app/x.js", 10],
  ["JS:^foo /app/with space/x.js:10:5", "foo", "/app/with space/x.js", 10],
  ["JS:~get size /tmp/b.js:1:77", "get size", "/tmp/b.js", 1],
  ["Function:~ file:///app/x.mjs:3:1", "(anonymous)", "/app/x.mjs", 3],
  ["Eval:~ node:internal/main/run_main_module:1:1", "(module)", "node:internal/main/run_main_module", 1],
  [
    "JS:*Module._compile node:internal/modules/cjs/loader:1310:37",
    "Module._compile",
    "node:internal/modules/cjs/loader",
    1310,
  ],
  ["JS:*f evalmachine.<anonymous>:1:1", "f", "evalmachine.<anonymous>", 1],
  ["JS:*f", "f"],
  ["JS:", "(anonymous)"],
  ["Builtin:ArrayMap", "ArrayMap"],
  ["BytecodeHandler:LdaZero", "LdaZero"],
  ["RegExp:(a+)b", "(a+)b"],
  // JVM
  ["Ljava/lang/String;::hashCode", "java.lang.String.hashCode"],
  [
    "Lcom/foo/Bar$Inner;::<init>(Ljava/lang/String;[I[[J)V",
    "com.foo.Bar$Inner.<init>(java.lang.String, int[], long[][])",
  ],
  ["Lcom/foo/Bar;::m(broken", "com.foo.Bar.m(broken"],
  ["int java.lang.String.hashCode()", "java.lang.String.hashCode()"],
  ["void com.foo.Bar.run(int, java.lang.Object)", "com.foo.Bar.run(int, java.lang.Object)"],
  ["StubRoutines (1)", "StubRoutines (1)"],
  ["unsigned long f(int)", "unsigned long f(int)"],
  ["Interpreter", "Interpreter"],
  // CPython
  ["py::main:/srv/app.py", "main", "/srv/app.py"],
  ["py::A.<locals>.f:/srv/a:b.py", "A.<locals>.f", "/srv/a:b.py"],
  ["py::", "py::"],
  // .NET
  ["void [System.Private.CoreLib] System.Foo::Bar(int32)[OptimizedTier1]", "System.Foo::Bar(int32)"],
  ["instance bool [App] App.Program::Run(class [X] Y)[Tier0]", "App.Program::Run(class [X] Y)"],
  // Others, and what only looks like one
  ["TRACE_1::loop.lua:12", "TRACE_1::loop.lua:12"],
  ["julia_fib_42", "julia_fib_42"],
  ["Lfoo", "Lfoo"],
  ["std::vector<int>::push_back(int)", "std::vector<int>::push_back(int)"],
];

describe("spelling of just-in-time compiled functions", () => {
  for (const [written, name, fileName = "", startLine = 0] of SPELLINGS) {
    it(written === "" ? "nothing" : written, () => {
      assert.deepEqual(spellFunction(written), { name, systemName: written, fileName, startLine });
    });
  }

  it("keeps what could leave its line out, and cuts what is long", () => {
    const { name, systemName } = spellFunction(`JS:*a\u001b[31m\n${"x".repeat(2000)}`);
    assert.ok(!/[\u0000-\u001f]/.test(name + systemName));
    assert.ok(systemName.length <= 512);
  });

  it("never throws, is never empty where something was written, and takes no time", () => {
    const text = fc.array(
      fc.constantFrom("JS:", "*", "L", ";::", "(", "[", ")", "I", " ", ":", "py::", "/", " [", "] ", "::", "1", "x"),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          text.map((parts) => parts.join("")),
          fc.string(),
        ),
        (written) => {
          const { name } = spellFunction(written);
          assert.ok(name !== "" || written.trim() === "" || spellFunction(written).systemName === "");
        },
      ),
    );
    const started = performance.now();
    spellFunction(`Lx;::m(${"[".repeat(100_000)}`);
    spellFunction(`JS:*${" /".repeat(100_000)}`);
    assert.ok(performance.now() - started < 200);
  });
});
