import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { readAgentConfiguration } from "#src/cli/agent-configuration.js";
import { agentOptions } from "#src/cli/agent-options.js";
import type { Output } from "#src/cli/output.js";
import { run } from "#src/cli/run.js";
import { configurationJson, configurationTable } from "#src/cli/show-configuration.js";
import { matchGolden } from "../../support/golden.js";

const folder = mkdtempSync(join(tmpdir(), "hostflame-config-"));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, "hostflame.yaml");
const FILE = `frequency: 49
tags: {team: payments, region: eu}
exclude-namespace: [kube-system, monitoring]
exporters:
  - url: https://pyroscope.example
    user: hostflame
    password: hunter2
  - url: https://collector.example:4318
    name: second
    headers: {x-key: hunter2}
`;
writeFileSync(path, FILE);

function stringOutput(): Output & { readonly text: () => string } {
  let written = "";
  return { write: (text) => (written += text), color: false, terminal: false, columns: 80, text: () => written };
}

async function shell(words: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const [stdout, stderr] = [stringOutput(), stringOutput()];
  const exitCode = await run({ words, environment, stdout, stderr });
  return { exitCode, stdout: stdout.text(), stderr: stderr.text() };
}

const ENVIRONMENT = {
  HOSTFLAME_CONFIG: "/etc/hostflame.yaml",
  HOSTFLAME_WINDOW: "2m",
  DD_ENV: "production",
  HOSTFLAME_MOD: "all",
};

describe("hostflame config", () => {
  const written = readAgentConfiguration({
    words: ["--node", "n-1"],
    environment: ENVIRONMENT,
    readFile: () => Promise.resolve(FILE),
  });

  it("prints a table of what is in force, and where it comes from", async () => {
    matchGolden("config/table.txt", configurationTable(await written));
    const { exitCode, stdout, stderr } = await shell(["config"], { ...ENVIRONMENT, HOSTFLAME_CONFIG: path });
    assert.equal(exitCode, 0);
    assert.match(stdout, /^frequency +49 +.*hostflame\.yaml:1$/m);
    assert.match(stderr, /^hostflame: There is no variable HOSTFLAME_MOD, .* HOSTFLAME_MODE\?\n$/);
  });

  it("prints JSON, whose values a configuration file may hold", async () => {
    matchGolden("config/all.json", configurationJson(await written));
    const { exitCode, stdout, stderr } = await shell(["config", "--json"], { ...ENVIRONMENT, HOSTFLAME_CONFIG: path });
    assert.equal(exitCode, 0);
    assert.equal(stderr, "", "warnings are in the JSON");
    const { options } = JSON.parse(stdout) as { options: Record<string, { value: unknown }> };
    const again = join(folder, "again.yaml");
    const values = Object.entries(options).flatMap(([key, { value }]) => (key === "config" ? [] : [[key, value]]));
    writeFileSync(again, JSON.stringify(Object.fromEntries(values)));
    const second = await shell(["config", "--json", "--config", again]);
    assert.equal(second.exitCode, 0, second.stderr);
    const reread = JSON.parse(second.stdout) as typeof JSON & { options: Record<string, { value: unknown }> };
    for (const [key, value] of values) assert.deepEqual(reread.options[String(key)].value, value);
  });

  it("knows every option of the agent", async () => {
    const { stdout } = await shell(["config", "--json"]);
    const { options } = JSON.parse(stdout) as { options: Record<string, unknown> };
    const together = ["exporters", "collection-agent", "intake"];
    const keys = Object.values(agentOptions).map(({ keys: [key] }) => key);
    assert.deepEqual(
      Object.keys(options),
      keys.filter((key) => !together.includes(key)),
    );
  });

  it("takes --json also from its variable", async () => {
    assert.match((await shell(["config"], { HOSTFLAME_JSON: "1" })).stdout, /^{\n/);
    assert.equal((await shell(["config", "--json=perhaps"])).exitCode, 2);
  });

  it("prints everything that is wrong, a line each, and exits with 2", async () => {
    const { exitCode, stdout, stderr } = await shell(["config", "--window", "1", "--nod", "x", "--mode=some"], {
      HOSTFLAME_EXPORTER: "http://a:4040 password=hunter2",
    });
    assert.equal(exitCode, 2);
    assert.equal(stdout, "");
    assert.equal(stderr.split("\n").length, 5, stderr);
    for (const line of stderr.trim().split("\n")) assert.match(line, /^hostflame: .*[.?]$/);
    assert.ok(!stderr.includes("hunter2"));
  });

  it("shows no secret, and lets nothing leave its line", async () => {
    const exporter = 'https://a:4040 token="hunter2 hunter2"';
    const tags = "a:\u202eb\u001b[31m";
    for (const more of [[], ["--json"]]) {
      const { stdout, exitCode, stderr } = await shell(["config", "--exporter", exporter, "--tags", tags, ...more]);
      assert.equal(exitCode, 0, stderr);
      assert.ok(!stdout.includes("hunter2"));
      assert.ok(!/[\u001b]/.test(stdout));
    }
  });
});

describe("other commands", () => {
  it("warn of a variable that there is not, and go on", async () => {
    const { stderr } = await shell(["record", "--output", folder], { HOSTFLAME_DURATON: "1s" });
    assert.match(stderr, /^hostflame: There is no variable HOSTFLAME_DURATON, .* HOSTFLAME_DURATION\?\n/);
  });
});
