import assert from "node:assert/strict";
import { inspect } from "node:util";
import { describe, it } from "node:test";
import fc from "fast-check";
import { recordOptions } from "#src/cli/options.js";
import { readArguments } from "#src/cli/arguments.js";
import { readAgentConfiguration } from "#src/cli/agent-configuration.js";
import { configurationJson, configurationTable } from "#src/cli/show-configuration.js";
import { jsonLine, terminalLine } from "#src/logging/line.js";
import { serversKey } from "#src/debuginfod/servers-key.js";
import { readServers, serverProblem } from "#src/debuginfod/servers.js";

function urlsOf(...words: string[]) {
  return readServers(words).servers.map(({ shown }) => shown);
}

describe("the words of DEBUGINFOD_URLS", () => {
  it("are servers, in their order", () => {
    assert.deepEqual(urlsOf("https://a.example/", "http://b.example:8002/prefix/"), [
      "https://a.example:443",
      "http://b.example:8002/prefix",
    ]);
    assert.deepEqual(urlsOf(), []);
  });

  it("are policies for the servers after them; whose files must be signed is not asked", () => {
    const { servers, skipped } = readServers([
      ...["https://a.example", "ima:enforcing", "https://user:hunter22@b.example", "ima:ignore", "https://c.example"],
    ]);
    assert.deepEqual(
      servers.map(({ shown }) => shown),
      ["https://a.example:443", "https://c.example:443"],
    );
    assert.equal(skipped.length, 1);
    assert.match(skipped[0], /^https:\/\/b\.example:443 is not asked .*signatures.*\.$/);
  });

  it("may name files, which are not read", () => {
    const { servers, skipped } = readServers(["file:///srv/debug", "https://c.example"]);
    assert.equal(servers.length, 1);
    assert.match(skipped[0], /^file:\/\/\/srv\/debug is not read.*\.$/);
  });

  it("have a user and a password, which nobody is shown", async () => {
    const { servers } = readServers(["https://us%40er:hunt%er22@a.example"]);
    const [{ authorization }] = servers;
    assert.equal(await authorization?.read(), `Basic ${Buffer.from("us@er:hunt%er22").toString("base64")}`);
    for (const text of [inspect(servers, { depth: 9 }), JSON.stringify(servers), serversKey(servers)]) {
      assert.doesNotMatch(text, /hunt|us@er/);
    }
  });

  it("are shown without the password in the configuration and in the log", async () => {
    const word = "https://user:hunt@er22@a.example";
    const configuration = await readAgentConfiguration({ words: ["--debuginfod-urls", word], environment: {} });
    const [server] = readServers(configuration.options.debuginfodUrls).servers;
    assert.equal(await server.authorization?.read(), `Basic ${Buffer.from("user:hunt@er22").toString("base64")}`);
    const { options } = configuration;
    const line = { timeMs: 0, level: "info", event: "starting", fields: { options } } as const;
    for (const text of [
      ...[configurationJson(configuration), configurationTable(configuration)],
      ...[jsonLine(line), terminalLine(line, false)],
    ]) {
      assert.match(text, /\*\*\*@a\.example/);
      assert.doesNotMatch(text, /hunt|er22|user:/);
    }
  });

  it("are refused with one clause that says what to do, and no password", () => {
    for (const word of [
      ...["debuginfod.example", "ftp://a.example", "https://", "https://a.example?q=1", "https://a.example#f"],
      ...["unix:///run/a.sock", "ima:", "ima:so-so", "http://user:hunter22@a.example", "ftp://user:hunter22@a.example"],
      ...["https://user:hunter22@a.example?token=x", `https://${"a".repeat(4000)}.example`],
    ]) {
      const problem = serverProblem(word) ?? assert.fail(word);
      assert.match(problem, /^does not accept ".*": .*; write a URL such as /, word);
      assert.doesNotMatch(problem, /hunter22|token/);
    }
    assert.equal(serverProblem("http://user:hunter22@127.0.0.1:8002"), undefined);
  });

  it("are whatever they are, without an exception", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.webUrl({ withQueryParameters: true }), fc.string({ unit: "binary" })),
        (word) => {
          const problem = serverProblem(word);
          if (problem === undefined) assert.ok(readServers([word]).servers.length <= 1);
        },
      ),
    );
  });

  it("come from a variable, from words and from repetition", () => {
    const read = (words: string[], environment = {}) => {
      const values = readArguments(recordOptions, words, environment);
      return values === "help" ? assert.fail() : values.debuginfodUrls;
    };
    assert.deepEqual(read([], { DEBUGINFOD_URLS: " https://a.example  ima:ignore https://b.example\n" }), [
      ...["https://a.example", "ima:ignore", "https://b.example"],
    ]);
    assert.deepEqual(read(["--debuginfod-urls", "https://a.example", "https://b.example", "--quiet"]), [
      ...["https://a.example", "https://b.example"],
    ]);
    assert.deepEqual(read(["--debuginfod-urls", "https://a.example", "--debuginfod-urls=https://b.example"]), [
      ...["https://a.example", "https://b.example"],
    ]);
    assert.deepEqual(read(["--debuginfod-urls="], { DEBUGINFOD_URLS: "https://a.example" }), []);
    assert.throws(() => read([], { DEBUGINFOD_URLS: "http://user:hunter22@a.example" }), {
      message: /^(?!.*hunter22)DEBUGINFOD_URLS does not/,
    });
  });
});
