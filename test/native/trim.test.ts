import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { loadNative } from "#src/native/load.js";

/** Resident pages of files, MiB: code and constants. */
function residentFilesMiB(): number {
  return Number(/^RssFile:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) / 1024;
}

describe("unmapCode", () => {
  it("takes code that is not used out of the process, which goes on", () => {
    const { addon } = loadNative();
    const before = residentFilesMiB();
    addon.unmapCode();
    const after = residentFilesMiB();
    assert.ok(after < before / 2, `${before.toFixed(1)} MiB, then ${after.toFixed(1)}`);
    // Code that was not there a moment ago: a regular expression, a number's text, an error's stack.
    assert.match(new Error((1.5).toString().padStart(8, "ab").replace(/b+a/gu, "-")).stack ?? "", /-+/);
    addon.unmapCode();
  });
});
