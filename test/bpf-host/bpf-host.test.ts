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
    const sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    const flags = ["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", ...sanitizers];
    execFileSync("gcc", [...flags, "-o", program, "test/bpf-host/unwind.c"], {
      stdio: ["ignore", "ignore", "inherit"],
    });
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  for (const recording of readRecordings()) {
    it(`${recording.file}: ${recording.name}`, () => {
      const output = execFileSync(program, { input: recording.text, encoding: "utf8" });
      assert.equal(output.split("\n").slice(1).join("\n").trim(), expectationOf(recording));
    });
  }

  it("refuses a line that is not of a recording", () => {
    const run = (): string =>
      execFileSync(program, { input: "recording x\nnonsense\n", stdio: ["pipe", "pipe", "pipe"] }).toString();
    assert.throws(run, { status: 2 });
  });
});
