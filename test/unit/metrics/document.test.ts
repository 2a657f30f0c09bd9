import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { allMetrics, maxSeries, metricsDocument } from "../../support/metrics-document.js";

/** Prometheus' own base units that ours are in, and words that count without one. */
const ABBREVIATED = /_(ms|us|ns|sec|min|kb|mb|kib|mib|pct|percent|millis|minutes|hours|hz|b)(_|$)/;
/** What a scraper makes of its own of a histogram or a summary. */
const RESERVED = /_(bucket|count|sum)$/;

describe("docs/metrics.md", () => {
  it("is what is registered; UPDATE_GOLDEN=1 writes it again", () => {
    const text = metricsDocument();
    if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync("docs/metrics.md", text);
    assert.equal(readFileSync("docs/metrics.md", "utf8"), text);
  });
});

describe("each metric", () => {
  for (const { name, type, help, labels } of allMetrics()) {
    it(`${name} is named as Prometheus wants it`, () => {
      assert.match(name, /^hostflame_[a-z0-9]+(_[a-z0-9]+)*$/);
      assert.equal(name.endsWith("_total"), type === "counter");
      assert.doesNotMatch(name, ABBREVIATED);
      assert.doesNotMatch(name, RESERVED);
      assert.doesNotMatch(name, /_(counter|gauge)(_|$)/);
      for (const label of labels) assert.match(label, /^[a-z]+(_[a-z]+)*$/);
      for (const label of labels) {
        assert.ok(!["le", "quantile", "job", "instance", "node", "pod"].includes(label), label);
      }
      assert.match(help, /^[A-Z\d].*[^.]$/);
    });
  }

  it("is there once, and a scrape of all of them is bounded", () => {
    const metrics = allMetrics();
    assert.equal(new Set(metrics.map(({ name }) => name)).size, metrics.length);
    assert.ok(maxSeries(metrics) < 6000, `${maxSeries(metrics)} series`);
  });
});
