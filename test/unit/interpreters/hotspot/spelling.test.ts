import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { spellClass, spellMethod, spellStub } from "#src/interpreters/hotspot/spelling.js";

describe("names of the JVM's", () => {
  it("have dots", () => {
    assert.equal(spellMethod(spellClass("java/util/HashMap"), "get"), "java.util.HashMap.get");
    assert.equal(spellMethod(spellClass("Main"), "<init>"), "Main.<init>");
    assert.equal(spellClass("a/B$Inner$1"), "a.B$Inner$1");
  });

  it("leave out what differs from run to run", () => {
    assert.equal(spellClass("Main$$Lambda$14+0x0000000800c03000"), "Main$$Lambda");
    assert.equal(spellClass("Main$$Lambda+0x00007f9c4c000a00"), "Main$$Lambda");
    assert.equal(spellClass("Main$$Lambda$1"), "Main$$Lambda");
    assert.equal(spellClass("java/lang/invoke/LambdaForm$MH+0x0000000800c03000"), "java.lang.invoke.LambdaForm$MH");
    assert.equal(spellMethod("Main", "lambda$main$0"), "Main.lambda$main$0");
  });

  it("stay in their line", () => {
    assert.equal(spellMethod(spellClass("a\nb"), "c\u001b[31m"), "a b.c [31m");
    assert.equal(spellStub("StubRoutines (1)"), "[StubRoutines (1)]");
  });
});
