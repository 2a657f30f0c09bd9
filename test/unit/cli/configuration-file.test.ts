import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import fc from "fast-check";
import { readAgentConfiguration } from "#src/cli/agent-configuration.js";
import { agentOptions } from "#src/cli/agent-options.js";
import { readConfigurationText } from "#src/cli/configuration-file.js";
import { UsageError } from "#src/cli/usage-error.js";

const folder = mkdtempSync(join(tmpdir(), "hostflame-configuration-"));
after(() => rmSync(folder, { recursive: true }));

function read(text: string) {
  return readAgentConfiguration({
    words: ["--config", "h.yaml"],
    environment: {},
    readFile: () => Promise.resolve(text),
  });
}

async function problemsOf(text: string): Promise<readonly string[]> {
  try {
    await read(text);
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    return error.problems;
  }
  return [];
}

describe("a configuration file", () => {
  it("gives what flags give, as text, whatever YAML takes it for", async () => {
    const { options } = await read(
      "# A comment.\nfrequency: 49\nwindow: '10s'\nservice-version: 1.10\nkubernetes: off\nlisten: off\n",
    );
    const { frequencyHz, windowMs, serviceVersion, kubernetes, listen } = options;
    assert.deepEqual([frequencyHz, windowMs, serviceVersion, kubernetes, listen], [49, 10_000, "1.10", "off", "off"]);
  });

  it("gives a list where a flag takes many, or one", async () => {
    assert.deepEqual((await read("pod-label: [app, tier]")).options.podLabels, ["app", "tier"]);
    assert.deepEqual((await read("pod-label:\n- app\n- tier")).options.podLabels, ["app", "tier"]);
    assert.deepEqual((await read("pod-label: app,tier")).options.podLabels, ["app", "tier"]);
    assert.deepEqual((await read("pod-label: []")).options.podLabels, []);
  });

  it("gives tags as a text, a list or a map", async () => {
    for (const text of ["tags: a:b,c:d", "tags: ['a:b', 'c:d']", "tags: {a: b, c: d}"]) {
      assert.equal((await read(text)).options.tags, "a:b,c:d");
    }
  });

  it("says nothing where it is empty, or a value is", async () => {
    for (const text of ["", "# nothing", "null", "~", "env:", "env: null", "env: ~", 'env: ""']) {
      const { sources } = await read(text);
      assert.equal(sources.env.rank, "default", text);
    }
    assert.equal((await read('env: "null"')).options.env, "null");
  });

  it("may say a thing once and use it twice", async () => {
    const { options } = await read("include-namespace: &all [a, b]\nexclude-namespace: *all");
    assert.deepEqual(options.excludeNamespaces, ["a", "b"]);
  });

  const wrong: readonly (readonly [string, readonly string[]])[] = [
    ["frequency 19", ['h.yaml holds no map of options; write lines such as "frequency: 19".']],
    ["- a", ['h.yaml holds no map of options; write lines such as "frequency: 19".']],
    [
      "a: 1\noutputDir: /x\nnode: x",
      [
        'h.yaml:1: there is no option "a"; keys are the flags\' names without dashes, as docs/options.md lists them.',
        'h.yaml:2: there is no option "outputDir"; did you mean output-dir?',
      ],
    ],
    ["env: a\nenv: b", ["h.yaml:2: this key stands there already; give it once."]],
    ["exporter: http://a\nexporters: http://b", ["h.yaml:2: exporters and exporter are one option; give it once."]],
    ["config: other.yaml", ["h.yaml:1: a configuration file names no other one; leave config out."]],
    ["env: a\n---\nenv: b", ["h.yaml:2: a second document begins here; the file holds one."]],
    ["? [a]\n: b", ["h.yaml:1: a key is no text; keys are the flags' names without dashes."]],
    ["tags: {[a]: b}", ["h.yaml:1: tags has a key that is no text; write names."]],
    ["env: [a, b]", ["h.yaml:1: env does not accept a list: it accepts a name, at most 200 characters on one line."]],
    ["env: {a: b}", ["h.yaml:1: env does not accept a map: it accepts a name, at most 200 characters on one line."]],
    ["a: b: c", ["h.yaml:1: this is no YAML (BLOCK_AS_IMPLICIT_KEY)."]],
  ];
  for (const [text, expected] of wrong) {
    it(`that is wrong is told by line: ${text.replaceAll("\n", "⏎")}`, async () => {
      assert.deepEqual(await problemsOf(text), expected);
    });
  }
});

describe("a configuration file that means harm", () => {
  it("is not read beyond its limit", async () => {
    assert.match((await problemsOf(`env: ${"a".repeat(65 * 1024)}`))[0], /more than 64 KiB/);
    assert.ok((await readConfigurationText("/dev/zero")).length <= 64 * 1024 + 1);
    const path = join(folder, "h.yaml");
    writeFileSync(path, "env: ä");
    assert.equal(await readConfigurationText(path), "env: ä");
  });

  it("repeats itself in vain", async () => {
    const levels = Array.from({ length: 12 }, (_, index) => {
      const inner = index === 0 ? "x" : Array.from({ length: 9 }, () => `*a${index - 1}`).join(", ");
      return `- &a${index} [${inner}]`;
    });
    const [problem] = await problemsOf(`pod-label:\n${levels.map((level) => `  ${level}`).join("\n")}`);
    assert.match(problem, /holds more than 10000 values, or itself/);
    assert.match((await problemsOf("pod-label: &a [*a]"))[0], /holds more than 10000 values, or itself/);
    const many = `pod-label: [&a x, ${"*a, ".repeat(16_000)}]`;
    const start = performance.now();
    assert.match((await problemsOf(many))[0], /holds more than/);
    assert.ok(performance.now() - start < 5000);
  });

  it("is nested in vain", async () => {
    for (const text of ["[".repeat(60_000), "{a: ".repeat(15_000), "- ".repeat(30_000), "? ".repeat(30_000)]) {
      assert.ok((await problemsOf(`pod-label: ${text}`)).length > 0);
    }
  });
});

describe("a configuration file, whatever it is", () => {
  const keys = [
    ...Object.values(agentOptions).flatMap((option) => option.keys),
    "other",
    "<<",
    "__proto__",
    "toString",
  ];
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.constantFrom("http://a:4040", "kind=parca", "1s", "64MiB", "off", "all", "a:b", null),
      fc.string({ unit: "binary" }),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom("url", "kind", "headers", "name", "tenant", "__proto__"), tie("value"), {
        maxKeys: 3,
      }),
    ),
  }));

  const isSentences = (problems: readonly string[]): boolean =>
    problems.every((problem) => /^[^\0-\x1f\x7f]+[.?]$/s.test(problem));

  it("is read, or refused in sentences", async () => {
    const document = fc.dictionary(fc.constantFrom(...keys), value, { maxKeys: 4 });
    await fc.assert(
      fc.asyncProperty(document, async (content) => {
        assert.ok(isSentences(await problemsOf(JSON.stringify(content))));
      }),
      { numRuns: 300 },
    );
  });

  it("is no YAML at all, and refused in sentences", async () => {
    const piece = fc.constantFrom(
      ...Array.from("[]{}:,-?&*!|>'\"%@`# \n\t~a0"),
      "\n  ",
      ": ",
      "- ",
      "exporters: ",
      "<<: ",
      "---\n",
      "\0",
      "\ud800",
    );
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(piece, { maxLength: 40 }).map((parts) => parts.join("")),
    );
    await fc.assert(
      fc.asyncProperty(text, async (content) => assert.ok(isSentences(await problemsOf(content)))),
      { numRuns: 500 },
    );
  });
});
