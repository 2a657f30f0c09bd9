import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";

/** `log.info("event"` and `log.repeated("warn", "event"`, over lines as prettier breaks them. */
const CALL = /\blog\.(?:(debug|info|warn|error)\(|repeated\(\s*"(debug|info|warn|error)",)\s*("[^"]*"|[^\s)])/g;
const ROW = /^\| `([a-z_]+)` \| (debug|info|warn|error) \| (.+) \|$/gm;

/** "level event", each once, sorted. */
function said(): readonly string[] {
  const files = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
  const events = new Set<string>();
  for (const file of files) {
    for (const [, plain, repeated, event] of readFileSync(path.join("src", file), "utf8").matchAll(CALL)) {
      assert.match(event, /^"[a-z]+(_[a-z]+)*"$/, `${file}: an event is a name, written where it is said`);
      events.add(`${plain ?? repeated} ${event.slice(1, -1)}`);
    }
  }
  return [...events].sort();
}

describe("docs/logs.md", () => {
  it("lists each event that there is, with its level, and no other", () => {
    const rows = [...readFileSync("docs/logs.md", "utf8").matchAll(ROW)];
    const listed = rows.map(([, event, level]) => `${level} ${event}`);
    assert.deepEqual([...listed].sort(), said(), "a row for each in docs/logs.md");
    for (const [, event, , meaning] of rows) assert.ok(meaning.length > 10, event);
  });

  it("has an event under one level only", () => {
    const names = said().map((text) => text.split(" ")[1]);
    assert.equal(new Set(names).size, names.length, String(names));
  });
});
