import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Output, outputOf } from "#src/cli/output.js";
import { createReporter, downloadLine, progressLine } from "#src/cli/progress.js";

const progress = { elapsedMs: 4200, durationMs: 10_000, samples: 1234, lost: 2, complete: 1231 };

function recorder(terminal: boolean): Output & { readonly written: string[] } {
  const written: string[] = [];
  return { written, write: (text) => written.push(text), color: terminal, terminal, columns: 200 };
}

describe("the progress line", () => {
  it("says how far, how much and how well", () => {
    assert.equal(
      progressLine(progress, 200),
      "recording ━━━━━━━━━━────────────── 4.2 s of 10 s  1,234 samples  99.8 % complete  2 lost",
    );
  });

  it("leaves out what there is nothing to say of, and never wraps", () => {
    assert.equal(
      progressLine({ ...progress, samples: 0, complete: 0, lost: 0, elapsedMs: 12_000 }, 200),
      "recording ━━━━━━━━━━━━━━━━━━━━━━━━ 12 s of 10 s  0 samples",
    );
    assert.equal(progressLine(progress, 20).length, 19);
  });

  it("says of downloads how many, how much, for how long, and what to do", () => {
    const downloads = { elapsedMs: 4200, waitMs: 30_000, arrived: 3, waiting: 2, bytes: 13_000_000 };
    assert.equal(
      downloadLine(downloads, 200),
      "debug files: 3 came, 2 on their way, 12.4 MiB, 4 s of 30 s; Ctrl-C goes on without",
    );
    assert.equal(downloadLine(downloads, 20).length, 19);
  });

  it("is drawn on terminals only, at a rate for eyes, and taken away before anything else", () => {
    const [stdout, stderr] = [recorder(true), recorder(true)];
    let nowMs = 0;
    const reporter = createReporter({ stdout, stderr, quiet: false, now: () => nowMs });
    reporter.progress(progress);
    nowMs = 50;
    reporter.progress(progress);
    nowMs = 150;
    reporter.progress(progress);
    reporter.print("result\n");
    reporter.done();
    assert.equal(stderr.written.length, 3);
    assert.equal(stderr.written.at(-1), "\r\u001b[K");
    assert.deepEqual(stdout.written, ["result\n"]);
  });

  for (const [title, terminal, quiet] of [
    ["a pipe", false, false],
    ["a quiet terminal", true, true],
  ] as const) {
    it(`leaves ${title} with warnings and results`, () => {
      const [stdout, stderr] = [recorder(terminal), recorder(terminal)];
      const reporter = createReporter({ stdout, stderr, quiet, now: () => 0 });
      reporter.progress(progress);
      reporter.warn("something is worth knowing.");
      reporter.print("result\n");
      reporter.done();
      assert.deepEqual(stderr.written, ["hostflame: something is worth knowing.\n"]);
      assert.deepEqual(stdout.written, ["result\n"]);
    });
  }
});

describe("colours", () => {
  const stream = { write: () => true, isTTY: true };

  it("are for terminals whose owner did not refuse them", () => {
    assert.equal(outputOf(stream, {}).color, true);
    assert.equal(outputOf(stream, { NO_COLOR: "" }).color, true);
    assert.equal(outputOf(stream, { NO_COLOR: "1" }).color, false);
    assert.equal(outputOf(stream, { TERM: "dumb" }).terminal, false);
    assert.equal(outputOf({ write: () => true }, {}).color, false);
  });
});
