import assert from "node:assert/strict";
import { openSync, readFileSync, mkdtempSync, rmSync, constants } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { openLogDestination } from "#src/logging/destination.js";
import { jsonLine, terminalLine, type LogLine } from "#src/logging/line.js";
import { createLog } from "#src/logging/log.js";

const LINE: LogLine = { timeMs: 1_795_262_400_000, level: "warn", event: "export_failed", fields: {} };

describe("the least level", () => {
  it("can be another one from now on", () => {
    const said: string[] = [];
    const log = createLog({ level: "warn", write: ({ event }) => said.push(event), nowMs: () => 0 });
    log.info("a");
    log.setLevel("debug");
    log.debug("b");
    log.setLevel("error");
    log.warn("c");
    log.repeated("error", "d", "reason");
    assert.deepEqual(said, ["b", "d"]);
  });
});

describe("a log line", () => {
  it("is JSON: time, level, event, then its fields", () => {
    const fields = {
      reason: "disk-full",
      count: 3n,
      error: new Error("no room"),
      gone: undefined,
      tags: new Map([["a", "b"]]),
    };
    assert.equal(
      jsonLine({ ...LINE, fields }),
      '{"time":"2026-11-21T12:00:00.000Z","level":"warn","event":"export_failed",' +
        '"reason":"disk-full","count":3,"error":"no room","tags":{"a":"b"}}\n',
    );
  });

  it("is short for a terminal", () => {
    assert.equal(
      terminalLine({ ...LINE, fields: { reason: "disk-full", count: 3, gone: undefined } }, false),
      "12:00:00 warn  export_failed reason=disk-full count=3\n",
    );
    assert.match(terminalLine(LINE, true), /\u001b\[33mwarn /);
  });

  it("is one line, whatever a container calls itself", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 3000 }), (name) => {
        const json = jsonLine({ ...LINE, fields: { name } });
        assert.equal(json.indexOf("\n"), json.length - 1);
        const parsed = JSON.parse(json) as { name: string };
        assert.ok(parsed.name.length <= 1001);

        assert.doesNotMatch(terminalLine({ ...LINE, fields: { name } }, false).slice(0, -1), /[\0-\x1f\x7f-\x9f]/);
      }),
    );
  });
});

describe("a log", () => {
  function logOf(level: "debug" | "info" | "warn" | "error" = "info") {
    const lines: LogLine[] = [];
    const state = { nowMs: 0 };
    const log = createLog({ level, write: (line) => lines.push(line), nowMs: () => state.nowMs });
    return { log, lines, state };
  }

  it("leaves out what is below its level", () => {
    const { log, lines } = logOf("warn");
    log.debug("a");
    log.info("b");
    log.warn("c");
    log.error("d");
    log.repeated("info", "e", "x");
    assert.deepEqual(
      lines.map(({ event }) => event),
      ["c", "d"],
    );
  });

  it("says what repeats once a minute for each reason, and how often it held it back", () => {
    const { log, lines, state } = logOf();
    for (let second = 0; second < 150; second++) {
      state.nowMs = second * 1000;
      log.repeated("warn", "export_failed", "disk-full");
      if (second % 100 === 0) log.repeated("warn", "export_failed", "read-only");
    }
    assert.deepEqual(
      lines.map(({ timeMs, fields }) => [timeMs / 1000, fields["reason"], fields["heldBack"]]),
      [
        [0, "disk-full", undefined],
        [0, "read-only", undefined],
        [60, "disk-full", 59],
        [100, "read-only", undefined],
        [120, "disk-full", 59],
      ],
    );
  });

  it("is not silenced by a clock that is set back, nor grows with reasons", () => {
    const { log, lines, state } = logOf();
    state.nowMs = 1e9;
    log.repeated("warn", "a", "b");
    state.nowMs = 0;
    log.repeated("warn", "a", "b");
    assert.equal(lines.length, 2);
    for (let i = 0; i < 10_000; i++) log.repeated("warn", "a", `reason ${i}`);
    assert.equal(lines.length, 10_002);
  });
});

describe("where lines go", () => {
  it("is written in order", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "hostflame-log-"));
    const file = path.join(folder, "log");
    const fd = openSync(file, "w");
    const destination = openLogDestination(fd, undefined);
    for (let i = 0; i < 100; i++) destination.write({ ...LINE, fields: { i } });
    await destination.close(1000);
    const lines = readFileSync(file, "utf8").trim().split("\n");
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { i: number }).i),
      Array.from({ length: 100 }, (_, i) => i),
    );
    rmSync(folder, { recursive: true });
  });

  it("holds up nobody when it is a pipe that nobody reads; what does not fit is counted", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "hostflame-log-"));
    const fifo = path.join(folder, "fifo");
    assert.equal(spawnSync("mkfifo", [fifo]).status, 0);
    const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
    const destination = openLogDestination(fd, undefined);
    const start = performance.now();
    const text = "x".repeat(900);
    for (let i = 0; i < 3000; i++) destination.write({ ...LINE, fields: { text } });
    assert.ok(destination.dropped > 1000, String(destination.dropped));
    await destination.close(100);
    assert.ok(performance.now() - start < 2000);
    rmSync(folder, { recursive: true });
  });
});
