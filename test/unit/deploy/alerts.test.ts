import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { alertTexts, ruleCopies, RULES_FILE } from "../../support/alert-rules.js";
import { NO_PROMETHEUS, promtool } from "../../support/prometheus.js";

const TESTS = "test/fixtures/alerts";
const RUNBOOK = "docs/alerts.md";

const tests = readdirSync(TESTS).map((name) => path.join(TESTS, name));
const alerts = alertTexts();

describe("alert rules", () => {
  it("are what Prometheus takes", (context) => {
    const checked = promtool(["check", "rules", RULES_FILE]);
    if (checked === undefined) return context.skip(NO_PROMETHEUS);
    assert.ok(checked.ok, checked.said);
  });

  for (const file of tests) {
    it(`fire, and do not fire, as ${path.basename(file)} has it`, (context) => {
      const tested = promtool(["test", "rules", file]);
      if (tested === undefined) return context.skip(NO_PROMETHEUS);
      assert.ok(tested.ok, tested.said);
    });
  }

  it("are each made to fire by a test", () => {
    const text = tests.map((file) => readFileSync(file, "utf8")).join("\n");
    const untested = alerts.filter(({ name }) => !text.includes(`"${name}"`) && !text.includes(`alertname: ${name}\n`));
    assert.deepEqual(untested, []);
  });

  it("are the same for the Prometheus operator, by kustomize and by helm; UPDATE_GOLDEN=1 copies them", () => {
    for (const [file, text] of ruleCopies()) {
      if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(file, text);
      assert.equal(readFileSync(file, "utf8"), text, file);
    }
  });

  for (const { name, text } of alerts) {
    it(`${name} says how bad it is, what happened where, what to do, and where more is written`, () => {
      assert.match(text, /^ {8}labels: \{ severity: (warning|critical) \}$/m);
      const summary = /^ {10}summary: "?(.*?)"?$/m.exec(text)?.[1] ?? "";
      assert.match(summary, /^.{20,130}\.$/);
      if (name !== "HostflameAbsent") assert.ok(summary.includes("{{ or $labels.node $labels.instance }}"), summary);
      const description = /description: >-\n((?: {12}.*\n)+)/.exec(text)?.[1].replace(/\s+/g, " ") ?? "";
      assert.match(description, /^.{80,400}\. $/);
      assert.ok(text.includes(`runbook: ${RUNBOOK}#${name.toLowerCase()}\n`));
    });
  }
});

describe(RUNBOOK, () => {
  it("has a section of each alert, in their order, and no other", () => {
    const sections = readFileSync(RUNBOOK, "utf8").match(/^## .*$/gm) ?? [];
    assert.deepEqual(
      sections.map((line) => line.slice(3)),
      alerts.map(({ name }) => name),
    );
  });
});
