import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspect, isDeepStrictEqual } from "node:util";
import { type AgentConfiguration, readAgentConfiguration } from "#src/cli/agent-configuration.js";
import { UsageError } from "#src/cli/usage-error.js";

type Environment = Readonly<Record<string, string>>;

const KEY = "0123456789abcdef0123456789abcdef";

interface Given {
  readonly words?: readonly string[];
  readonly environment?: Environment;
  /** Text of the file that is named, if any. */
  readonly file?: string;
}

function read({ words = [], environment = {}, file }: Given): Promise<AgentConfiguration> {
  return readAgentConfiguration({
    words: file === undefined ? words : ["--config", "/etc/h.yaml", ...words],
    environment,
    readFile: (path) => (path === "/etc/h.yaml" ? Promise.resolve(file ?? "") : Promise.reject(new Error("asked for"))),
  });
}

async function problemsOf(given: Given): Promise<readonly string[]> {
  try {
    await read(given);
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    return error.problems;
  }
  return [];
}

async function exportersOf(given: Given): Promise<readonly string[]> {
  const { options } = await read(given);
  return options.exporters.map(({ name, kind, url }) => `${name} ${kind} ${url ?? ""}`.trim());
}

describe("the agent's configuration", () => {
  const file = "env: file";
  const older = { DD_ENV: "dd", DK_PROFILE_ENV: "dk" };
  const ours = { ...older, HOSTFLAME_ENV: "ours" };
  const precedence: readonly (readonly [Given, string | undefined, string])[] = [
    [{ words: ["--env", "flag"], environment: ours, file }, "flag", "flag --env"],
    [{ environment: ours, file }, "ours", "variable HOSTFLAME_ENV"],
    [{ environment: { ...ours, HOSTFLAME_ENV: "" }, file }, "dd", "older DD_ENV"],
    [{ environment: { DK_PROFILE_ENV: "dk" }, file }, "dk", "older DK_PROFILE_ENV"],
    [{ file: "\nenv: file" }, "file", "file /etc/h.yaml:2"],
    [{ file: "env:" }, undefined, "default "],
    [{}, undefined, "default "],
  ];
  for (const [given, value, source] of precedence) {
    it(`comes from ${source}`, async () => {
      const { options, sources } = await read(given);
      assert.equal(options.env, value);
      assert.equal(`${sources.env.rank} ${sources.env.name}`, source);
    });
  }

  it("takes what the older agents' variables say", async () => {
    const environment = {
      DD_SERVICE: "shop",
      DD_VERSION: "1.2",
      DD_TAGS: "team:a region:eu",
      KUBERNETES_NODE_NAME: "n",
    };
    const { options } = await read({ environment });
    const { service, serviceVersion, tags, node } = options;
    assert.deepEqual([service, serviceVersion, tags, node], ["shop", "1.2", "team:a,region:eu", "n"]);
  });

  it("is frozen, and equal when it is read again", async () => {
    const given = { words: ["--exporter", `kind=datadog api-key=${KEY}`], file: "pod-label: [a, b]" };
    const [one, other] = [await read(given), await read(given)];
    assert.ok(Object.isFrozen(one.options) && Object.isFrozen(one.options.exporters[0].options));
    assert.ok(isDeepStrictEqual(one.options, other.options));
    const third = await read({ ...given, words: ["--exporter", `kind=datadog api-key=${KEY.replace("0", "1")}`] });
    assert.ok(!isDeepStrictEqual(one.options, third.options), "another key is another configuration");
  });

  it("names the file that is to be read again", async () => {
    assert.equal((await read({ file: "" })).file, "/etc/h.yaml");
    assert.equal((await read({})).file, undefined);
    const named = { HOSTFLAME_CONFIG: "/etc/h.yaml" };
    assert.equal((await read({ environment: named })).file, "/etc/h.yaml");
  });
});

describe("where profiles go", () => {
  const agent = { DD_AGENT_HOST: "10.0.0.1" };
  const cases: readonly (readonly [string, Given, readonly string[]])[] = [
    ["nowhere unless asked", {}, []],
    [
      "to --collection-agent",
      { words: ["--collection-agent", "http://a:4040"] },
      ["pyroscope pyroscope http://a:4040"],
    ],
    [
      "to --collection-agent of a kind",
      { words: ["--collection-agent", "http://a:1", "--intake", "parca"] },
      ["parca parca http://a:1"],
    ],
    [
      "to several",
      {
        words: [
          "--exporter",
          "http://a:4040",
          "--exporter=http://b:1 kind=parca name=c",
          "--collection-agent",
          "http://d:8126",
        ],
      },
      ["datadog datadog http://d:8126", "pyroscope pyroscope http://a:4040", "c parca http://b:1"],
    ],
    [
      "to several, a line each",
      { environment: { HOSTFLAME_EXPORTER: "\nhttp://a:4040\n\n  http://b:7070  \n" } },
      ["pyroscope pyroscope http://a:4040", "parca parca http://b:7070"],
    ],
    [
      "to those of the highest source only",
      { words: ["--exporter", "http://a:7070"], environment: { ...agent, HOSTFLAME_COLLECTION_AGENT: "http://b:1" } },
      ["parca parca http://a:7070"],
    ],
    ["to Datadog's agent", { environment: agent }, ["datadog datadog http://10.0.0.1:8126"]],
    [
      "to its port, whatever the host is called",
      { environment: { DD_AGENT_HOST: "otel-collector", DD_TRACE_AGENT_PORT: "9000" } },
      ["datadog datadog http://otel-collector:9000"],
    ],
    ["to an agent over IPv6", { environment: { DD_AGENT_HOST: "fd00::1" } }, ["datadog datadog http://[fd00::1]:8126"]],
    [
      "to the Datakit that Datadog's libraries are told of",
      { environment: { ...agent, DD_TRACE_AGENT_PORT: "9529" } },
      ["datakit datakit http://10.0.0.1:9529"],
    ],
    ["to Datakit", { environment: { DK_AGENT_HOST: "dk" } }, ["datakit datakit http://dk:9529"]],
    [
      "to Datakit's port",
      { environment: { DK_AGENT_HOST: "dk", DK_AGENT_PORT: "1" } },
      ["datakit datakit http://dk:1"],
    ],
    ["to Datadog itself", { environment: { DD_API_KEY: KEY, DD_SITE: "datadoghq.eu" } }, ["datadog datadog"]],
    [
      "to an agent rather than to Datadog",
      { environment: { DD_API_KEY: KEY, DK_AGENT_HOST: "dk" } },
      ["datakit datakit http://dk:9529"],
    ],
    [
      "to DD_TRACE_AGENT_URL rather than to DD_AGENT_HOST",
      { environment: { ...agent, DD_TRACE_AGENT_URL: "unix:///a.socket" } },
      ["datadog datadog unix:///a.socket"],
    ],
    [
      "to a variable's rather than to the file's",
      { environment: agent, file: "exporters: http://b:4040" },
      ["datadog datadog http://10.0.0.1:8126"],
    ],
    [
      "to the file's",
      {
        file: "exporters:\n  - http://a:4040 tenant=x\n  - url: http://b:4318\n    headers: {x-a: 'b,c'}\n    insecure: true",
      },
      ["pyroscope pyroscope http://a:4040", "otlp otlp http://b:4318"],
    ],
    ["to the file's one", { file: "exporter: {url: http://a:7070, name: x}" }, ["x parca http://a:7070"]],
    ["nowhere, as the file says", { file: "exporters: []" }, []],
  ];
  for (const [name, given, expected] of cases) {
    it(name, async () => assert.deepEqual(await exportersOf(given), expected));
  }

  it("is said with where it came from", async () => {
    const { exportersFrom } = await read({ environment: { ...agent, DD_TRACE_AGENT_PORT: "1" } });
    assert.deepEqual(exportersFrom, [{ rank: "older", name: "DD_AGENT_HOST, DD_TRACE_AGENT_PORT" }]);
  });

  it("keeps headers as they were, whatever is in them", async () => {
    const { options } = await read({ file: 'exporters: {url: "https://b:4318", headers: {a: "b,c=d %41", e: "f"}}' });
    assert.equal(options.exporters[0].options["headers"], "a=b%2Cc%3Dd%20%2541,e=f");
  });
});

describe("what is wrong", () => {
  it("is named, all of it", async () => {
    const given: Given = {
      words: [
        "--frequncy",
        "19",
        "--window",
        "3",
        "--pod-label",
        "a b",
        "ok",
        "--exporter",
        "http://p:4040 tenant=/ timeout=x",
      ],
      environment: { DD_ENV: "\n", HOSTFLAME_LISTEN: "x", HOSTFLAME_OUTPUT_BYTES: "1" },
      file: "mode: some\nwindow: wrong, and not used\nprofile: host\ntags: {a: 'b,c'}\nhost: [on]",
    };
    assert.deepEqual(await problemsOf(given), [
      "There is no flag --frequncy; did you mean --frequency?",
      '/etc/h.yaml:3: there is no option "profile"; did you mean profiles?',
      '--window does not accept "3": it accepts a time such as 10s, 1m30s or 500ms, from 1s to 10m.',
      'HOSTFLAME_OUTPUT_BYTES does not accept "1": it accepts a size such as 1MiB, from 1MiB to 1024GiB.',
      "/etc/h.yaml:4: tags accepts tags such as team:payments,region:eu.",
      'DD_ENV does not accept "\\n": it accepts a name, at most 200 characters on one line.',
      '/etc/h.yaml:1: mode does not accept "some": it accepts all or opt-in.',
      "/etc/h.yaml:5: host does not accept a list: it accepts auto, on or off.",
      '--pod-label does not accept "a b": it accepts the key of a label or annotation, such as app.kubernetes.io/name.',
      'HOSTFLAME_LISTEN does not accept "x": it accepts ADDRESS:PORT such as 0.0.0.0:9177 or [::1]:9177, or off.',
      '--exporter: pyroscope\'s option "timeout" has the value "x"; it accepts a time of 1 s to 300 s such as 30s.',
      '--exporter: pyroscope\'s option "tenant" has the value "/"; it accepts a tenant\'s name.',
    ]);
  });

  const exporters: readonly (readonly [string, RegExp])[] = [
    [
      "nothing",
      /^HOSTFLAME_EXPORTER has, as word 1, neither a URL nor NAME=VALUE; write URL NAME=VALUE …, with quotes/,
    ],
    ["http://a:1 tenant=a b", /^HOSTFLAME_EXPORTER has, as word 3, neither/],
    ["http://a:1 name='b", /a quote that is not closed/],
    ["http://a:1 http://b:1", /has "url" twice in one exporter/],
    ["tenant=a", /neither a URL nor a kind/],
    ["http://a:1 kind=pyroscop", /^HOSTFLAME_EXPORTER: there is no intake "pyroscop"; did you mean pyroscope\?/],
    ["kind=pyroscope", /pyroscope needs the URL/],
    ["kind=datadog", /datadog needs the URL/],
    ["http://a:1 kind=datakit tenant=a", /datakit has no option "tenant"; it has ca-file, insecure, name, timeout/],
    ["http://u:hunter2@a:1", /datadog's URL "http:\/\/\*\*\*@a:1" has a user or a password/],
    ["http://a:1 kind=pyroscope user=u password=hunter2", /would send a secret to http:\/\/a:1 unencrypted/],
    ["http://a:1 name=file", /the name "file" is the folder's own/],
    [
      "http://a:4040\nhttp://b:4040",
      /\(http:\/\/b:4040\): two exporters have the name "pyroscope"; give one of them another/,
    ],
    ["http://a:1 ca-file=/missing", /names \/missing, which cannot be read \(ENOENT\)/],
    [
      Array.from({ length: 17 }, (_, index) => `http://a:1 name=a${index}`).join("\n"),
      /asks for 17 exporters; at most 16/,
    ],
  ];
  for (const [text, expected] of exporters) {
    it(`of an exporter: ${text.slice(0, 60).replaceAll("\n", "⏎")}`, async () => {
      const problems = await problemsOf({ environment: { HOSTFLAME_EXPORTER: text } });
      assert.equal(problems.length, 1, problems.join("\n"));
      assert.match(problems[0], expected);
      assert.match(problems[0], /\.$|\?$/);
      assert.ok(!problems[0].includes("hunter2"));
    });
  }

  it("of each exporter is named, beside those whose form is wrong", async () => {
    const text = "http://a:4040 tenant=/\nnothing\nhttp://b:7070 protocol=x";
    const problems = await problemsOf({ environment: { HOSTFLAME_EXPORTER: text } });
    assert.equal(problems.length, 3, problems.join("\n"));
    assert.match(problems[1], /^HOSTFLAME_EXPORTER \(http:\/\/a:4040\): pyroscope's option "tenant"/);
    assert.match(problems[2], /^HOSTFLAME_EXPORTER \(http:\/\/b:7070\): parca's option "protocol"/);
  });

  it("of an older agent's variable is named by it", async () => {
    assert.match(
      (await problemsOf({ environment: { DD_API_KEY: "short" } }))[0],
      /^DD_API_KEY: datadog's option "api-key" has a value \(not shown\)/,
    );
    const ports = await problemsOf({ environment: { DD_AGENT_HOST: "a", DD_TRACE_AGENT_PORT: "b" } });
    assert.match(ports[0], /^DD_AGENT_HOST, DD_TRACE_AGENT_PORT: datadog's URL "http:\/\/a:b" is no URL/);
    assert.equal((await problemsOf({ environment: { DK_AGENT_HOST: "a/b" } })).length, 1);
  });

  it("of a file that is not there says so, and does not hide the rest", async () => {
    const problems = await problemsOf({ words: ["--config", "/nowhere", "--mode", "x"] });
    assert.match(
      problems[0],
      /^The configuration file \/nowhere cannot be read \(.*\); mount it, or correct its path\.$/,
    );
    assert.match(problems[1], /^--mode does not accept "x"/);
  });
});

describe("a warning", () => {
  const warnings = async (given: Given) => (await read(given)).warnings;

  it("names each variable of ours that there is not, and the one that was meant", async () => {
    const environment = {
      HOSTFLAME_FREQENCY: "1",
      HOSTFLAME_NODE_NAME: "1",
      HOSTFLAME_XYZZY: "1",
      HOSTFLAME_DURATION: "5s",
      HOSTFLAME_DEBUG: "1",
      HOSTFLAME_TEST_NATIVE: "1",
      HOSTFLAME_SERVICE_HOST: "10.0.0.1",
      HOSTFLAME_SERVICE_PORT_METRICS: "9177",
      HOSTFLAME_METRICS_PORT_9177_TCP_ADDR: "10.0.0.1",
      OTHER: "1",
    };
    assert.deepEqual(await warnings({ environment }), [
      "There is no variable HOSTFLAME_FREQENCY, so it says nothing; did you mean HOSTFLAME_FREQUENCY?",
      "There is no variable HOSTFLAME_NODE_NAME, so it says nothing; did you mean HOSTFLAME_NODE?",
      "There is no variable HOSTFLAME_XYZZY, so it says nothing; docs/options.md lists those there are.",
    ]);
  });

  it("says what is given and not used", async () => {
    assert.match(
      (await warnings({ words: ["--intake", "parca"] }))[0],
      /^--intake says what listens at --collection-agent/,
    );
    const environment = { HOSTFLAME_COLLECTION_AGENT: "http://b:1" };
    const given = { words: ["--exporter", "http://a:1"], environment };
    assert.deepEqual(await warnings(given), [
      "HOSTFLAME_COLLECTION_AGENT is not used: --exporter says where profiles go.",
    ]);
    assert.match((await warnings({ words: ["--output-dir", "off"] }))[0], /^Profiles go nowhere/);
    assert.deepEqual(await warnings({ words: ["--output-dir", "off", "--exporter", "http://a:1"] }), []);
  });
});

describe("a secret", () => {
  const secret = "hunter2hunter2";
  const places: readonly Given[] = [
    { words: ["--exporter", `https://a:4040 user=u password=${secret}`] },
    { words: ["--exporter", `https://a:4040 token="${secret} x"`] },
    { environment: { HOSTFLAME_EXPORTER: `https://a:4318 headers=x-key=${secret}` } },
    { environment: { DD_API_KEY: secret.repeat(3).slice(0, 32) } },
    { file: `exporters:\n  - {url: "https://a:4318", headers: {x-key: ${secret}}}` },
  ];
  it("is in what sends, and in nothing that is printed", async () => {
    for (const given of places) {
      const configuration = await read(given);
      const values = Object.values(configuration.options.exporters[0].options);
      assert.ok(values.some((text) => text.includes("hunter2")));
      const printed = [JSON.stringify(configuration), inspect(configuration, { depth: 9 })];
      for (const text of printed) assert.ok(!text.includes("hunter2"), text);
    }
  });

  it("is in no problem, wherever somebody put it", async () => {
    const wrong: readonly Given[] = [
      { words: ["--exporter", "https://a:4040", `password=${secret}`] },
      { words: ["--exporter", `https://a:4040 pasword=${secret}`] },
      { words: ["--exporter", `https://a:4040 password ${secret}`] },
      { words: ["--exporter", `https://a:4040 password="${secret}`] },
      { words: ["--exporter", `https://a:4040 token=${secret} password=${secret} user=${secret.length}`] },
      { words: ["--exporter", `https://u:${secret}@a:4040`] },
      { words: ["--exporter", `https://a:4040?key=${secret}`] },
      { words: ["--exporter", `kind=datadog api-key=${secret}`] },
      { words: ["--exporter", `https://a kind=otlp headers=${secret}`] },
      { words: ["--collection-agent", `https://u:${secret}@a:4040`] },
      { words: ["--collection-agent", `https://a:4040?api_key=${secret}`] },
      { words: ["--collection-agent", `ftp://a:4040?api_key=${secret}`] },
      { words: [`--api-key=${secret}`] },
      { words: ["--api-key", secret] },
      { environment: { DD_API_KEY: secret } },
      { environment: { DD_TRACE_AGENT_URL: `https://u:${secret}@a:4040` } },
      { environment: { DD_AGENT_HOST: `u:${secret}@a` } },
      { file: `exporters: [{url: "https://a:4040", pasword: ${secret}}]` },
      { file: `exporters: [{url: "https://a:4040", password: {${secret}: 1}}]` },
      { file: `exporters: {a: "${secret}` },
      { file: `password: ${secret}` },
      { file: `exporters: *${secret}` },
      { file: `exporters: !${secret} x` },
      { file: secret },
    ];
    for (const given of wrong) {
      const problems = await problemsOf(given);
      assert.ok(problems.length > 0, inspect(given));
      assert.ok(!problems.join("\n").includes("hunter2"), problems.join("\n"));
    }
  });
});
