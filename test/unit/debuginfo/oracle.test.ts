import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, describe, it } from "node:test";
import { buildInlined } from "../../fixtures/inlined/build.js";
import { compareLines } from "../../support/compare-lines.js";

const directory = mkdtempSync(join(tmpdir(), "hostflame-debuginfo-"));
after(() => rmSync(directory, { recursive: true }));

const GO_CACHE = join(tmpdir(), "hostflame-go-cache");

describe("functions, inlined calls and lines are llvm-symbolizer's", () => {
  for (const compiler of ["g++", "clang++", "rustc"] as const) {
    for (const dwarf of [4, 5] as const) {
      it(`in a program of ${compiler} with DWARF ${dwarf}`, () => {
        const program = join(directory, `${compiler}-${dwarf}`);
        buildInlined(compiler, dwarf, program);
        assert.ok(compareLines(program) > 500);
      });
    }
  }

  it("in a program of Go, whose range lists go back and whose sections are compressed", () => {
    const source = join(directory, "go");
    mkdirSync(source);
    writeFileSync(
      join(source, "main.go"),
      `package main
       import ("fmt"; "net/url"; "sort"; "strings")
       func main() {
         u, _ := url.Parse("http://x/y?b=1&a=2")
         keys := []string{}
         for k := range u.Query() { keys = append(keys, k) }
         sort.Strings(keys)
         fmt.Println(strings.Join(keys, ","))
       }`,
    );
    const program = join(directory, "go-program");
    const env = { ...process.env, GO111MODULE: "off", GOFLAGS: "", GOCACHE: process.env["GOCACHE"] ?? GO_CACHE };
    execFileSync("go", ["build", "-o", program, "."], { cwd: source, env });
    assert.ok(compareLines(program) > 100);
  });

  it("in compressed sections", () => {
    const program = join(directory, "g++-5");
    if (!existsSync(program)) buildInlined("g++", 5, program);
    const compressed = join(directory, "compressed");
    execFileSync("objcopy", ["--compress-debug-sections=zlib", program, compressed]);
    assert.ok(compareLines(compressed) > 500);
    const old = join(directory, "compressed-gnu");
    execFileSync("objcopy", ["--compress-debug-sections=zlib-gnu", program, old]);
    assert.ok(compareLines(old) > 500);
    const zstd = join(directory, "compressed-zstd");
    execFileSync("objcopy", ["--compress-debug-sections=zstd", program, zstd]);
    // llvm-symbolizer of Debian 12 does not read these.
    assert.ok(compareLines(zstd, { program }) > 500);
  });

  it("without .debug_aranges, and where it lists some units only", () => {
    const program = join(directory, "g++-4");
    if (!existsSync(program)) buildInlined("g++", 4, program);
    const without = join(directory, "no-aranges");
    execFileSync("objcopy", ["--remove-section=.debug_aranges", program, without]);
    assert.ok(compareLines(without) > 500);
    const mixed = join(directory, "mixed");
    const part = join(directory, "part.o");
    buildInlined("clang++", 5, part, ["-c", "-Dmain=other_main"]);
    buildInlined("g++", 4, mixed, [part, "-gno-as-locview-support"]);
    assert.ok(compareLines(mixed) > 500);
  });

  it("where the folder that the compiler ran in is told as a relative one", () => {
    const program = join(directory, "relative");
    const fixtures = resolve("test/fixtures/inlined");
    buildInlined("g++", 5, program, [
      `-ffile-prefix-map=${fixtures}=./source`,
      `-fdebug-prefix-map=${directory}=./build`,
    ]);
    assert.ok(compareLines(program) > 500);
  });

  it("in 64-bit DWARF", () => {
    const program = join(directory, "dwarf64");
    buildInlined("g++", 5, program, ["-gdwarf64"]);
    assert.ok(compareLines(program) > 500);
  });

  it("in a file of debug information alone", () => {
    const program = join(directory, "g++-5");
    if (!existsSync(program)) buildInlined("g++", 5, program);
    const debug = join(directory, "only.debug");
    execFileSync("objcopy", ["--only-keep-debug", program, debug]);
    assert.ok(compareLines(debug, { program }) > 500);
  });
});
