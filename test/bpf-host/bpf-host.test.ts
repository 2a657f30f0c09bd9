import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { expectationOf, readRecordings } from "../support/stack-recording.js";

/** The unwinder's pure step, as the kernel compiles it, over recorded memory. */
describe("the pure unwind step on the host", () => {
  let directory = "";
  let program = "";

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "hostflame-bpf-host-"));
    program = join(directory, "unwind");
    compile("unwind.c", program);
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  for (const recording of readRecordings()) {
    it(`${recording.file}: ${recording.name}`, () => {
      const output = execFileSync(program, { input: recording.text, encoding: "utf8" });
      assert.equal(output.split("\n").slice(1).join("\n").trim(), expectationOf(recording));
    });
  }

  it(
    "asks the code itself where there is no frame pointer",
    { skip: process.arch !== "x64" && "it is x86-64's code" },
    () => {
      const byCode = join(directory, "by-code");
      compile("by-code.c", byCode);
      assert.equal(execFileSync(byCode, { encoding: "utf8" }), "");
    },
  );

  it("refuses a line that is not of a recording", () => {
    const run = (): string =>
      execFileSync(program, { input: "recording x\nnonsense\n", stdio: ["pipe", "pipe", "pipe"] }).toString();
    assert.throws(run, { status: 2 });
  });
});

function compile(source: string, program: string): void {
  const sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
  const flags = ["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", ...sanitizers];
  execFileSync("gcc", [...flags, "-o", program, `test/bpf-host/${source}`], { stdio: ["ignore", "ignore", "inherit"] });
}
