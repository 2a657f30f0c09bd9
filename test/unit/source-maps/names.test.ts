import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { namingSegment } from "#src/source-maps/function-name.js";
import { mappingUrlOf } from "#src/source-maps/script-ending.js";
import { mapReference, scriptPath } from "#src/source-maps/script-path.js";
import { scriptLines } from "#src/source-maps/script-text.js";
import { readableSource } from "#src/source-maps/source-name.js";
import { fuzz, withinMs } from "../../support/fuzz.js";

describe("sources", () => {
  it("are paths as a person knows them", () => {
    const map = "/app/dist/server.js.map";
    const cases = [
      ["../src/server.ts", "", "/app/src/server.ts"],
      ["server.ts", "../src", "/app/src/server.ts"],
      ["server.ts", "../src/", "/app/src/server.ts"],
      ["server.ts", "/home/build/src", "/home/build/src/server.ts"],
      ["/home/build/src/server.ts", "../src", "/home/build/src/server.ts"],
      ["file:///home/build/a%20b.ts", "", "/home/build/a b.ts"],
      ["file:///home/100%.ts", "", "/home/100%.ts"],
      ["webpack://shop/./src/cart.ts", "", "src/cart.ts"],
      ["webpack:///./src/cart.ts?a1b2", "", "src/cart.ts"],
      ["webpack:///src/App.vue?vue&type=script", "", "src/App.vue"],
      ["./src/cart.ts", "webpack://shop", "src/cart.ts"],
      ["webpack://shop/webpack/bootstrap", "", "webpack/bootstrap"],
      ["turbopack:///[project]/pages/index.tsx", "", "[project]/pages/index.tsx"],
      ["https://example.com/a/b.ts?x", "", "https://example.com/a/b.ts?x"],
      ["webpack://", "", "webpack://"],
      ["../../../../../etc/x", "", "/etc/x"],
      ["a\nb\u202e.ts", "", "/app/dist/a b .ts"],
    ] as const;
    for (const [source, root, wanted] of cases) assert.equal(readableSource(source, root, map), wanted);
  });
});

describe("scripts", () => {
  it("are files by their path or file URL, and nothing else", () => {
    const cases = [
      ["/app/server.js", "/app/server.js"],
      ["/app/../etc/passwd", "/etc/passwd"],
      ["file:///app/server.mjs", "/app/server.mjs"],
      ["file:///app/a%20b.mjs?update=1#x", "/app/a b.mjs"],
      ["file:///app/%2e%2e/x", "/x"],
      ["file:///app/a%2fb", undefined],
      ["file://host/app/a", undefined],
      ["file:///app/a%00b", undefined],
      ["/a\0b", undefined],
      ["node:internal/process", undefined],
      ["[eval]", undefined],
      ["evalmachine.<anonymous>", undefined],
      ["https://example.com/a.js", undefined],
      ["wasm://wasm/1234", undefined],
      ["", undefined],
      ["/".repeat(20_000), undefined],
    ] as const;
    for (const [script, wanted] of cases) assert.equal(scriptPath(script), wanted, script.slice(0, 50));
  });

  it("have lines as V8 counts them", () => {
    const text = Buffer.from("\ufeffone\ntwo\r\nthree\rfour\u2028fünf\u2029\n\nlast");
    const wanted = ["one", "two", "three", "four", "fünf", "", "", "last"];
    const lines = scriptLines(text, wanted.flatMap((_, line) => [line, line]).concat(99));
    assert.deepEqual([...lines.values()], wanted);
    assert.deepEqual([...scriptLines(Buffer.from("one\n"), [1, 2])], [[1, ""]]);
    fuzz(
      fc.property(
        fc.array(fc.constantFrom("a", "\n", "\r", "\u2028", "ü", "\u2029", "\u2030"), { maxLength: 60 }),
        (parts) => {
          const all = parts.join("").split(/\r\n|[\n\r\u2028\u2029]/);
          const found = scriptLines(
            Buffer.from(parts.join("")),
            all.map((_, line) => line),
          );
          assert.deepEqual([...found.values()], all);
        },
      ),
      500,
    );
  });
});

describe("what a script says at its end", () => {
  it("is where its map is", () => {
    const cases = [
      ["code();\n//# sourceMappingURL=a.js.map", "a.js.map"],
      ["code();\n//# sourceMappingURL=a.js.map\n\n", "a.js.map"],
      ["code();//# sourceMappingURL=a.js.map\r\n", "a.js.map"],
      ["code();\n//@ sourceMappingURL=old.map\n", "old.map"],
      ["code();\n/*# sourceMappingURL=a.css.map */\n", "a.css.map"],
      ["//# sourceMappingURL=first.map\n//# sourceMappingURL=last.map\n// licence", "last.map"],
      ["//# sourceMappingURL=data:application/json;base64,e30=", "data:application/json;base64,e30="],
      ["write('//# sourceMappingURL=' + name);\n", undefined],
      ["write(`//# sourceMappingURL=a.map`)\n", undefined],
      ["//# sourceMappingURL=\n", undefined],
      ["//# sourceMappingURL=a b\n", undefined],
      ["sourceMappingURL=a.map", undefined],
      [`//# sourceMappingURL=${"a".repeat(5000)}`, undefined],
      [`//# sourceMappingURL=early.map\n${"x\n".repeat(100)}`, undefined],
      ["", undefined],
      ["\n", undefined],
    ] as const;
    for (const [text, wanted] of cases) assert.equal(mappingUrlOf(Buffer.from(text)), wanted, text.slice(0, 60));
    const long = `data:application/json;base64,${"A".repeat(10 << 20)}`;
    assert.equal(mappingUrlOf(Buffer.from(`code()\n//# sourceMappingURL=${long}\n`))?.length, long.length);
  });

  it("leads to a file of the same root, into the URL itself, or nowhere", () => {
    const path = "/app/dist#1/a b%.js";
    const cases = [
      ["a.js.map", "/app/dist#1/a.js.map"],
      ["a%20b.js.map?x=1#y", "/app/dist#1/a b.js.map"],
      ["../maps/a.map", "/app/maps/a.map"],
      ["../../../../../a.map", "/a.map"],
      ["/maps/a.map", "/maps/a.map"],
      ["file:///maps/a.map", "/maps/a.map"],
    ] as const;
    for (const [url, wanted] of cases) assert.deepEqual(mapReference(url, path), { kind: "path", path: wanted });
    for (const url of ["https://example.com/a.map", "//example.com/a.map", "file://host/a.map", "ftp:x", "blob:1"]) {
      assert.deepEqual(mapReference(url, path), { kind: "remote" }, url);
    }
    const json = Buffer.from('{"version":3}');
    for (const url of [
      `data:application/json;charset=utf-8;base64,${json.toString("base64")}`,
      `data:application/json,${encodeURIComponent(json.toString())}`,
    ]) {
      assert.deepEqual(mapReference(url, path), { kind: "data", content: json });
    }
    for (const url of [
      "data:",
      "data:application/json,%",
      "a%2fb.map",
      "a%00b.map",
      "http://[",
      "data:" + "x".repeat(300),
    ]) {
      assert.deepEqual(mapReference(url, path), { kind: "malformed" }, url);
    }
  });

  it("takes no longer to find than the script is long", () => {
    const piece = "//# sourceMappingURL=' ";
    for (const text of [piece, `${piece}\n`, "\n", " ", "*/ "]) {
      withinMs(1500, () => mappingUrlOf(Buffer.alloc(16 << 20, text)));
      withinMs(1500, () =>
        mappingUrlOf(Buffer.concat([Buffer.from("//# sourceMappingURL=data:,"), Buffer.alloc(16 << 20, text)])),
      );
    }
  });
});

describe("a function's name", () => {
  const at = (column: number, name: number) => ({ column, source: 0, sourceLine: 0, sourceColumn: 0, name });
  const nameAt = (line: string, ...segments: (readonly [number, number])[]) =>
    namingSegment(line, line.indexOf("("), segments.map(([column, name]) => at(column, name)).reverse())?.name;

  it("is that of the identifier before its parameters, or of what it is given to", () => {
    assert.equal(nameAt("function a(b){}", [0, -1], [9, 7]), 7);
    assert.equal(nameAt("function a(b){}", [0, -1], [9, 7], [10, -1]), 7);
    assert.equal(nameAt("const a=(b)=>b", [6, 7], [8, -1]), 7);
    assert.equal(nameAt("const a = async (b)=>b", [6, 7], [10, -1]), 7);
    assert.equal(nameAt("a=async function(b){}", [0, 7], [2, -1]), 7);
    assert.equal(nameAt("x={a:function*(b){}}", [3, 7], [5, -1]), 7);
    assert.equal(namingSegment("let a=b=>b", 6, [at(6, 8), at(4, 7)])?.name, 7);
    assert.equal(namingSegment("let a=async b=>b", 12, [at(12, 8), at(4, 7)])?.name, 7);
    assert.equal(namingSegment("let a=async b=>b", 6, [at(4, 7)])?.name, 7);
    assert.equal(nameAt("class A{a(b){}}", [8, 7]), 7);
  });

  it("is nothing else's", () => {
    assert.equal(namingSegment("f(a=b=>b)", 4, [at(4, 7)]), undefined);
    assert.equal(namingSegment("f(a+b=>b)", 4, [at(4, 7), at(2, 7)]), undefined);
    assert.equal(nameAt("f(a,(b)=>b)", [2, 7]), undefined);
    assert.equal(nameAt("(b)=>b", [0, 7]), undefined);
    assert.equal(nameAt("x.a=b+(c)=>c", [2, 7]), undefined);
    assert.equal(nameAt("return(b)", [0, -1]), undefined);
    assert.equal(namingSegment("a=>a", 0, [at(0, 7)]), undefined);
    assert.equal(namingSegment("a=>a", 99, [at(0, 7)]), undefined);
  });
});
