import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { randomRecording } from "../support/random-recording.js";
import { expectationOf, readRecordings } from "../support/stack-recording.js";
import { walkRecording } from "../support/walk-recording.js";

/** What finishes a first sight must find the frames that the kernel would have found: one step, said twice. */
describe("the unwind step of TypeScript", () => {
  for (const recording of readRecordings()) {
    it(`${recording.file}: ${recording.name}`, () => {
      assert.equal(walkRecording(recording), expectationOf(recording));
    });
  }
});

describe("the unwind step in C and in TypeScript", () => {
  const RECORDINGS = 3000;
  let directory = "";

  before(() => (directory = mkdtempSync(join(tmpdir(), "hostflame-conformance-"))));
  after(() => rmSync(directory, { recursive: true, force: true }));

  it(`agree on ${RECORDINGS} random stacks`, () => {
    const program = join(directory, "unwind");
    execFileSync("gcc", ["-std=gnu11", "-O1", "-o", program, "test/bpf-host/unwind.c"], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    const recordings = Array.from({ length: RECORDINGS }, (_, seed) => randomRecording(seed));
    const input = recordings.map(({ text }) => text).join("");
    const answers = execFileSync(program, { input, encoding: "utf8", maxBuffer: 1 << 28 })
      .split(/^recording .*\n/m)
      .slice(1);
    assert.equal(answers.length, recordings.length);
    for (const [index, recording] of recordings.entries()) {
      assert.equal(walkRecording(recording), answers[index].trim(), recording.text);
    }
  });
});
