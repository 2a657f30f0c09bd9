import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { readToken } from "#src/http/token-file.js";

const folder = mkdtempSync(join(tmpdir(), "hostflame-token-"));
after(() => rmSync(folder, { recursive: true }));

function fileOf(content: string | Uint8Array): string {
  const path = join(folder, "token");
  writeFileSync(path, content);
  return path;
}

describe("a token's file", () => {
  it("holds one word, and may end in a newline", async () => {
    assert.equal(await readToken(fileOf("0123456789abcdef\n")), "0123456789abcdef");
    assert.equal(await readToken(fileOf("  0123456789abcdef==\r\n\n")), "0123456789abcdef==");
  });

  it("is read anew each time", async () => {
    const path = fileOf("0123456789abcdef");
    await readToken(path);
    writeFileSync(path, "fedcba9876543210");
    assert.equal(await readToken(path), "fedcba9876543210");
  });

  for (const [name, content] of [
    ["nothing", ""],
    ["white space", " \n\n"],
    ["too little", "hunter2\n"],
    ["two words", "0123456789abcdef 0123456789abcdef"],
    ["two lines", "0123456789abcdef\n0123456789abcdef\n"],
    ["what is no text", Buffer.alloc(32)],
    ["what is no ASCII", "pässword-pässword"],
    ["far too much", "a".repeat(5000)],
  ] as const) {
    it(`must not hold ${name}`, async () => {
      await assert.rejects(readToken(fileOf(content)), (error: Error) => {
        assert.match(error.message, /^the token file \/.*\/token does not hold a token: write one word/);
        assert.ok(!error.message.includes("hunter2"));
        return true;
      });
    });
  }

  it("must be there, and a file", async () => {
    await assert.rejects(readToken(join(folder, "none")), /^Error: the token file .* cannot be read \(ENOENT/);
    await assert.rejects(readToken(folder), /cannot be read \(EISDIR/);
  });
});
