import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { labelsDocument } from "../../support/labels-document.js";

describe("docs/labels.md", () => {
  it("says what the rules say", () => {
    const text = labelsDocument();
    if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync("docs/labels.md", text);
    assert.equal(readFileSync("docs/labels.md", "utf8"), text);
  });
});
