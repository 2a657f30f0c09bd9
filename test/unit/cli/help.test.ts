import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { commands } from "#src/cli/commands.js";
import { commandHelp, optionsMarkdown, overview } from "#src/cli/help.js";
import { run } from "#src/cli/run.js";
import type { Output } from "#src/cli/output.js";

function stringOutput(): Output & { readonly text: () => string } {
  let written = "";
  return { write: (text) => (written += text), color: false, terminal: false, columns: 80, text: () => written };
}

async function shell(...words: readonly string[]) {
  const [stdout, stderr] = [stringOutput(), stringOutput()];
  const exitCode = await run({ words, environment: {}, stdout, stderr });
  return { exitCode, stdout: stdout.text(), stderr: stderr.text() };
}

describe("help", () => {
  it("names each command, and each of its flags with default and variable", () => {
    for (const command of commands) {
      assert.ok(overview(commands).includes(command.summary));
      const text = commandHelp(command).replace(/\s+/g, " ");
      for (const { flag, environment, help, defaultText } of command.options) {
        for (const part of [flag, environment, help, defaultText]) assert.ok(text.includes(part), `${flag}: ${part}`);
      }
    }
  });

  it("keeps to 100 columns", () => {
    for (const text of [overview(commands), ...commands.map(commandHelp)]) {
      assert.deepEqual(
        text.split("\n").filter((line) => line.length > 100),
        [],
      );
    }
  });

  it("is reached in every way that people try", async () => {
    const asked = await Promise.all([shell(), shell("help"), shell("--help"), shell("-h")]);
    for (const { exitCode, stdout } of asked) {
      assert.equal(exitCode, 0);
      assert.equal(stdout, overview(commands));
    }
    assert.equal((await shell("help", "record")).stdout, (await shell("record", "--help")).stdout);
  });

  it("is not printed at people who mistyped", async () => {
    const { exitCode, stdout, stderr } = await shell("chek");
    assert.equal(exitCode, 2);
    assert.equal(stdout, "");
    assert.equal(stderr, 'hostflame: There is no command "chek"; did you mean check?\n');
  });

  it("tells the version", async () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    assert.equal((await shell("version")).stdout, `hostflame ${version}\n`);
  });

  it("is what docs/options.md says", () => {
    const text = optionsMarkdown(commands);
    if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync("docs/options.md", text);
    assert.equal(readFileSync("docs/options.md", "utf8"), text);
  });
});
