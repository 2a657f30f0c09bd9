import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";

/** What Debian 12 ships; another version would format a few lines otherwise. */
const CLANG_FORMAT_MAJOR = 14;

describe("style", () => {
  it("is prettier's", () => {
    runQuietly(process.execPath, ["node_modules/prettier/bin/prettier.cjs", "--check", "--log-level=warn", "."]);
  });

  it("has nothing that eslint objects to", () => {
    runQuietly(process.execPath, ["node_modules/eslint/bin/eslint.js", "--max-warnings=0", "."]);
  });

  it("of C and C++ is clang-format's", (context) => {
    const version = spawnSync("clang-format", ["--version"], { encoding: "utf8" }).stdout ?? "";
    if (Number(/version (\d+)\./.exec(version)?.[1]) !== CLANG_FORMAT_MAJOR) {
      context.skip(`needs clang-format ${CLANG_FORMAT_MAJOR}, Debian 12's`);
      return;
    }
    runQuietly("clang-format", ["--dry-run", "--Werror", "--style=file", ...cFiles()]);
  });
});

function cFiles(): readonly string[] {
  return ["bpf", "native", "test"].flatMap((folder) =>
    existsSync(folder)
      ? readdirSync(folder, { recursive: true, encoding: "utf8" })
          .filter((name) => /\.(c|cc|h)$/.test(name))
          .map((name) => path.join(folder, name))
      : [],
  );
}

function runQuietly(command: string, words: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(command, words, { encoding: "utf8", maxBuffer: 2 ** 24 });
  assert.equal(status, 0, `npm run format mends what can be mended:\n${(stdout + stderr).slice(-8000)}`);
}
