import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { readAgentConfiguration } from "#src/cli/agent-configuration.js";
import { exportersDocument } from "../../support/exporters-document.js";

describe("docs/exporters.md", () => {
  const text = exportersDocument();

  it("says what the intakes' tables say", () => {
    if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync("docs/exporters.md", text);
    assert.equal(readFileSync("docs/exporters.md", "utf8"), text);
  });

  it("gives examples that are right", async () => {
    const block = (start: RegExp): string => {
      const lines = text.split("\n");
      const first = lines.findIndex((line) => start.test(line));
      const last = lines.findIndex((line, index) => index > first && !line.startsWith("    "));
      return lines.slice(first, last).join("\n");
    };
    const flags = [...block(/hostflame agent --exporter/).matchAll(/--exporter "([^"]+)"/g)].map(([, each]) => each);
    const names = async (words: readonly string[], variable: string, file: string) => {
      const environment = { HOSTFLAME_EXPORTER: variable, HOSTFLAME_CONFIG: file === "" ? "" : "file" };
      const read = await readAgentConfiguration({ words, environment, readFile: () => Promise.resolve(file) });
      return read.options.exporters.map(({ name }) => name);
    };
    assert.deepEqual(
      await names(
        flags.flatMap((each) => ["--exporter", each]),
        "",
        "",
      ),
      ["pyroscope", "otlp"],
    );
    const variable = block(/name: HOSTFLAME_EXPORTER/).replace(/^[^]*value: \|\n/, "");
    assert.deepEqual(await names([], variable, ""), ["pyroscope", "datadog"]);
    const file = block(/^ {4}exporters:/)
      .replace(/^ {4}/gm, "")
      .replace("…", "key");
    assert.deepEqual(await names([], "", file), ["pyroscope", "otlp"]);
  });
});
