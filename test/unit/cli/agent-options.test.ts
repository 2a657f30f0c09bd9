import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { agentOptions } from "#src/cli/agent-options.js";
import { intakeUrl, listenAddress, metadataKey, namespace, tagList } from "#src/cli/agent-values.js";
import { readArguments } from "#src/cli/arguments.js";
import { UsageError } from "#src/cli/usage-error.js";

type Environment = Readonly<Record<string, string>>;

function read(words: readonly string[], environment: Environment = {}) {
  const values = readArguments(agentOptions, words, environment);
  assert.notEqual(values, "help");
  return values as Exclude<typeof values, "help">;
}

describe("the agent's options", () => {
  it("take the flag, then our variable, then the older agents' in the order of the table", () => {
    const all = { HOSTFLAME_NODE: "ours", KUBERNETES_NODE_NAME: "first", NODE_NAME: "second" };
    assert.equal(read(["--node", "flag"], all).node, "flag");
    assert.equal(read([], all).node, "ours");
    assert.equal(read([], { ...all, HOSTFLAME_NODE: "" }).node, "first");
    assert.equal(read([], { NODE_NAME: "second" }).node, "second");
    assert.equal(read([]).node, undefined);
  });

  it("are what the older agents' manifest says", () => {
    const { collectionAgent, tags, node } = read([], {
      OTEL_PROFILING_AGENT_COLLECTION_AGENT: "http://10.0.0.1:8126",
      OTEL_PROFILING_AGENT_TAGS: "host:10.0.0.1,service:my-service,env:production,version:1.2.3",
      KUBERNETES_NODE_NAME: "node-7",
    });
    assert.deepEqual([collectionAgent, node], ["http://10.0.0.1:8126", "node-7"]);
    assert.equal(tags, "host:10.0.0.1,service:my-service,env:production,version:1.2.3");
  });

  it("are a schedule and a duration, under the older agents' names too", () => {
    assert.deepEqual([read([]).schedule, read([]).durationMs], [undefined, 60_000]);
    const ours = read([], { HOSTFLAME_SCHEDULE: " */10 * * * * ", HOSTFLAME_DURATION: "1m30s" });
    assert.deepEqual([ours.schedule, ours.durationMs], ["*/10 * * * *", 90_000]);
    const theirs = read([], { DK_PROFILE_SCHEDULE: "0 * * * *", DK_PROFILE_DURATION: "240" });
    assert.deepEqual([theirs.schedule, theirs.durationMs], ["0 * * * *", 240_000]);
    assert.equal(
      read(["--schedule", "@hourly", "--duration", "5m"], { DK_PROFILE_DURATION: "240" }).durationMs,
      300_000,
    );
  });

  it("name the variable that was wrong, and why", () => {
    for (const [environment, message] of [
      [{ DD_TAGS: "node:x" }, /^DD_TAGS has the tag "node:x"; "node" is hostflame's own label/],
      [{ DK_PROFILE_ENV: "\u0007" }, /^DK_PROFILE_ENV does not accept/],
      [
        { DK_PROFILE_SCHEDULE: "0 24 * * *" },
        /^DK_PROFILE_SCHEDULE does not accept "0 24 \* \* \*": the hour "24" is none/,
      ],
      [{ DK_PROFILE_DURATION: "0" }, /^DK_PROFILE_DURATION does not accept "0": it accepts a time/],
      [{ HOSTFLAME_DURATION: "25h" }, /^HOSTFLAME_DURATION does not accept "25h"/],
      [{ HOSTFLAME_WINDOW: "60" }, /^HOSTFLAME_WINDOW does not accept "60": it accepts a time/],
    ] as const) {
      assert.throws(
        () => read([], environment),
        (error) => error instanceof UsageError && message.test(error.message),
      );
    }
  });
});

describe("what the agent accepts", () => {
  it("are addresses", () => {
    assert.deepEqual(listenAddress.parse("0.0.0.0:9177"), { host: "0.0.0.0", port: 9177 });
    assert.deepEqual(listenAddress.parse("[::1]:0"), { host: "::1", port: 0 });
    assert.deepEqual(listenAddress.parse("localhost:80"), { host: "localhost", port: 80 });
    assert.equal(listenAddress.parse("off"), "off");
    for (const text of [
      "",
      ":80",
      "1.2.3.4",
      "1.2.3.4:65536",
      "::1:80",
      "[1.2.3.4]:80",
      "a b:80",
      "host:-1",
      "x:80/",
    ]) {
      assert.equal(listenAddress.parse(text), undefined, text);
    }
  });

  it("are URLs of intakes, and no password is printed", () => {
    for (const text of ["http://10.0.0.1:8126", "https://intake.example/v1", "unix:///var/run/apm.socket"]) {
      assert.equal(intakeUrl.parse(text), text);
    }
    for (const text of ["10.0.0.1:8126", "ftp://x", "http://", "http://u:p@x", "unix://host/x", "javascript:1"]) {
      assert.equal(intakeUrl.parse(text), undefined, text);
    }
    assert.equal(intakeUrl.show?.("http://me:secret@host:1/"), "http://***@host:1/");
  });

  it("are tags, with commas or, as Datadog has it, spaces between them", () => {
    assert.equal(tagList.parse("a:b, c:d:e"), "a:b, c:d:e");
    assert.equal(tagList.parse("a:b c:d"), "a:b,c:d");
    assert.equal(tagList.parse("ab"), undefined);
  });

  it("are names as Kubernetes has them", () => {
    assert.equal(namespace.parse("kube-system"), "kube-system");
    for (const text of ["", "Kube", "a_b", "-a", "a".repeat(64)]) assert.equal(namespace.parse(text), undefined, text);
    assert.equal(metadataKey.parse("app.kubernetes.io/name"), "app.kubernetes.io/name");
    for (const text of ["", "a/b/c", "/a", "a b", "-a"]) assert.equal(metadataKey.parse(text), undefined, text);
  });

  it("are limits", () => {
    const { memoryLimit, cpuLimit } = agentOptions;
    const value = (option: typeof memoryLimit, text: string): unknown => {
      const reading = option.read([text]);
      return "value" in reading ? reading.value : undefined;
    };
    assert.deepEqual(
      ["auto", "off", "64MiB", "1GiB", "63MiB", "100", "0"].map((text) => value(memoryLimit, text)),
      ["auto", "off", 64 << 20, 1 << 30, undefined, undefined, undefined],
    );
    assert.deepEqual(
      ["auto", "off", "5%", "0.05", "50m", "2", "0", "0%", "-1", "1e-2", "5 %", "", "65"].map((text) =>
        value(cpuLimit, text),
      ),
      ["auto", "off", 0.05, 0.05, 0.05, 2, undefined, undefined, undefined, undefined, undefined, undefined, undefined],
    );
  });

  it("never makes the reader throw", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        for (const option of Object.values(agentOptions)) {
          const reading = option.read([text]);
          assert.ok("value" in reading || reading.refused.length > 0);
        }
      }),
    );
  });
});
