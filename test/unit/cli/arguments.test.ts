import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readArguments } from "#src/cli/arguments.js";
import { recordOptions } from "#src/cli/options.js";
import { UsageError } from "#src/cli/usage-error.js";

type Environment = Readonly<Record<string, string>>;

function read(line: string, environment: Environment = {}) {
  const values = readArguments(
    recordOptions,
    line.split(" ").filter((word) => word !== ""),
    environment,
  );
  assert.notEqual(values, "help");
  return values as Exclude<typeof values, "help">;
}

function refusal(line: string, environment: Environment = {}): string {
  try {
    read(line, environment);
  } catch (error) {
    assert.ok(error instanceof UsageError);
    return error.message;
  }
  assert.fail("was not refused");
}

describe("arguments", () => {
  it("have defaults", () => {
    assert.deepEqual(read(""), {
      durationMs: 10_000,
      frequencyHz: 99,
      output: undefined,
      flamegraph: undefined,
      folded: undefined,
      json: false,
      pids: [],
      comms: [],
      demangling: "full",
      excludedInterpreters: [],
      debuginfodUrls: [],
      debuginfodBytes: 2 ** 30,
      debuginfodFileBytes: 2 ** 29,
      debuginfodDir: undefined,
      debuginfodWaitMs: 30_000,
      unwindMemoryBytes: 64 * 2 ** 20,
      ringMemoryBytes: "auto",
      quiet: false,
    });
  });

  it("are frozen", () => assert.ok(Object.isFrozen(read(""))));

  it("follow their flag as a word or after an equals sign; the last one stands", () => {
    assert.equal(read("--duration 5s").durationMs, 5000);
    assert.equal(read("--duration=5s").durationMs, 5000);
    assert.equal(read("--duration 5s --duration 6s").durationMs, 6000);
  });

  it("of lists gather from words, commas and repetition", () => {
    assert.deepEqual(read("--pid 1 2,3 --json --pid 4").pids, [1, 2, 3, 4]);
    assert.deepEqual(read("--comm nginx redis --quiet").comms, ["nginx", "redis"]);
  });

  it("come from the environment where no flag gives them", () => {
    const environment = { HOSTFLAME_DURATION: "1m", HOSTFLAME_PID: "7,8", HOSTFLAME_JSON: "true", HOSTFLAME_COMM: "" };
    const values = read("--pid 9", environment);
    assert.equal(values.durationMs, 60_000);
    assert.deepEqual(values.pids, [9]);
    assert.equal(values.json, true);
    assert.deepEqual(values.comms, []);
  });

  it("ask for help anywhere", () => {
    assert.equal(readArguments(recordOptions, ["--json", "-h"], {}), "help");
    assert.equal(readArguments(recordOptions, ["--help", "--nonsense"], {}), "help");
  });
});

describe("a wrong argument", () => {
  it("is named with its value and what is accepted", () => {
    assert.equal(
      refusal("--frequency 1000"),
      '--frequency does not accept "1000": it accepts a whole number from 1 to 999.',
    );
    assert.equal(
      refusal("--duration 5"),
      '--duration does not accept "5": it accepts a time such as 10s, 1m30s or 500ms, from 100ms to 24h.',
    );
    assert.equal(refusal("--pid 1,x,2"), '--pid does not accept "x": it accepts a whole number from 1 to 4194304.');
  });

  it("is refused even where a later one would stand", () => {
    assert.match(refusal("--frequency 0 --frequency 99"), /does not accept "0"/);
  });

  it("of the environment is named by its variable", () => {
    assert.match(refusal("", { HOSTFLAME_FREQUENCY: "fast" }), /^HOSTFLAME_FREQUENCY does not accept "fast": /);
  });

  it("without its value says what would be one", () => {
    assert.match(refusal("--duration"), /^--duration needs a value: it accepts a time/);
    assert.match(refusal("--pid --json"), /^--pid needs a value/);
  });

  it("that was misspelled is guessed", () => {
    assert.equal(refusal("--durration 5s"), "There is no flag --durration; did you mean --duration?");
    assert.equal(refusal("--freq 5"), "There is no flag --freq; did you mean --frequency?");
    assert.equal(refusal("--out=x"), "There is no flag --out; did you mean --output?");
    assert.equal(refusal("--xyzzy"), "There is no flag --xyzzy; --help lists those there are.");
  });

  it("is not the only one: all are named", () => {
    assert.deepEqual(
      refusal("--frequency 0 --duraton 5s --pid x,1,y stray --window 9", { HOSTFLAME_JSON: "maybe" }).split("\n"),
      [
        "There is no flag --duraton; did you mean --duration?",
        "There is no flag --window; --help lists those there are.",
        '--frequency does not accept "0": it accepts a whole number from 1 to 999.',
        'HOSTFLAME_JSON does not accept "maybe": it accepts true or false.',
        '--pid does not accept "x": it accepts a whole number from 1 to 4194304.',
        '--pid does not accept "y": it accepts a whole number from 1 to 4194304.',
        '--pid does not accept "stray": it accepts a whole number from 1 to 4194304.',
      ],
    );
  });

  it("after a flag that there is not is not repeated", () => {
    assert.equal(refusal("--api-key hunter2"), "There is no flag --api-key; --help lists those there are.");
    assert.equal(refusal("--api-key=hunter2"), "There is no flag --api-key; --help lists those there are.");
    assert.ok(!refusal("--frequency 5 password=hunter2").includes("hunter2"));
  });

  it("that belongs to nothing is named", () => assert.match(refusal("5s"), /^"5s" belongs to no flag/));
});
