/* npm run format: everything as the formatters have it. */
import "./node-version.mjs";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { root } from "./step.mjs";

process.chdir(root);
const files = ["bpf", "native", "test"].filter((folder) => existsSync(folder)).flatMap(cFiles);
const commands = [
  [process.execPath, "node_modules/prettier/bin/prettier.cjs", "--write", "--log-level=warn", "."],
  [process.execPath, "node_modules/eslint/bin/eslint.js", "--fix", "."],
  ["clang-format", "-i", "--style=file", ...files],
];
for (const [command, ...words] of commands) {
  const { status, error } = spawnSync(command, words, { stdio: "inherit" });
  if (status === 0) continue;
  console.error(`hostflame: ${path.basename(words[0])} failed${error === undefined ? "" : `: ${error.message}`}`);
  process.exitCode = 1;
}

function cFiles(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((name) => /\.(c|cc|h)$/.test(name))
    .map((name) => path.join(folder, name));
}
