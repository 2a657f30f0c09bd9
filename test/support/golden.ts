import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * Compares the text with test/golden/<name>. A file that is missing is written, and UPDATE_GOLDEN=1 writes all of them
 * again: read the difference before you commit it.
 */
export function matchGolden(name: string, text: string): void {
  const path = join("test/golden", name);
  if (process.env["UPDATE_GOLDEN"] === "1" || !existsSync(path)) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return;
  }
  assert.equal(text, readFileSync(path, "utf8"), `differs from ${path}; UPDATE_GOLDEN=1 rewrites it`);
}
