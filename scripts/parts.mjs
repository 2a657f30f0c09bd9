/* What is built from what, and whether it has to be built again: by size and time of each input, in a few milliseconds. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { root, SetupError, step } from "./step.mjs";

const node = process.execPath;
const tsc = path.join(root, "node_modules/typescript/bin/tsc");
const stampFile = path.join(root, "build/setup-stamps.json");
const REPORT = "Please report it with that log.";

/**
 * In the order in which they are built.
 *
 * @typedef {object} Part
 * @property {string} name
 * @property {string} title
 * @property {readonly string[]} inputs  files and folders, relative to the repository
 * @property {readonly string[]} outputs  without one of them it is built, whatever the stamp says
 * @property {readonly (readonly string[])[]} commands
 * @property {boolean} [test]  only tests need it
 */

/** @type {readonly Part[]} */
const parts = [
  {
    name: "native",
    title: "building the BPF programs and the addon",
    inputs: ["CMakeLists.txt", "bpf", "native", "package-lock.json"],
    outputs: ["build/native/hostflame.node", "build/native/hostflame.bpf.o"],
    commands: [[node, path.join(root, "node_modules/cmake-js/bin/cmake-js"), "compile", "--out", "build/cmake"]],
  },
  {
    name: "typescript",
    title: "compiling TypeScript",
    inputs: ["tsconfig.json", "src", "package-lock.json"],
    outputs: ["dist/main.js"],
    commands: [[node, tsc, "-b"]],
  },
  {
    name: "viewer",
    title: "bundling the flame graph's viewer",
    inputs: ["scripts/build-viewer.mjs", "src/flamegraph", "src/model", "src/util", "package-lock.json"],
    outputs: ["dist/flamegraph/viewer.js", "dist/flamegraph/viewer.css"],
    commands: [[node, path.join(root, "scripts/build-viewer.mjs")]],
  },
  {
    name: "tests",
    title: "compiling the tests",
    inputs: ["tsconfig.json", "src", "test", "package-lock.json"],
    outputs: ["build/test/tsconfig.tsbuildinfo"],
    commands: [[node, tsc, "-b", "test"]],
    test: true,
  },
];

/** npm writes node_modules/.package-lock.json last, so an interrupted installation counts as none. */
function packagesAreInstalled() {
  const installed = statSync(path.join(root, "node_modules/.package-lock.json"), { throwIfNoEntry: false });
  return installed !== undefined && installed.mtimeMs >= statSync(path.join(root, "package-lock.json")).mtimeMs;
}

export async function ensureNodeModules() {
  if (packagesAreInstalled()) return;
  const npm = process.env.npm_execpath;
  const words = npm === undefined ? ["npm"] : [node, npm];
  await step("installing npm packages", [[...words, "ci", "--no-audit", "--no-fund"]], {
    advice: "Is the npm registry reachable from here?",
  });
}

/**
 * Builds each part whose inputs changed since it was last built.
 *
 * @param {{ test: boolean, only?: readonly string[] }} options  only: names of parts; all of them when left out
 */
export async function ensureParts({ test, only }) {
  const unknown = only?.find((name) => !parts.some((part) => part.name === name));
  if (unknown !== undefined) {
    throw new SetupError(
      `there is no part "${unknown}" to build; there are ${parts.map(({ name }) => name).join(", ")}.`,
    );
  }
  const stamps = readStamps();
  for (const part of parts) {
    if (only === undefined ? part.test === true && !test : !only.includes(part.name)) continue;
    const stamp = fingerprint(part.inputs);
    if (stamps[part.name] === stamp && part.outputs.every((output) => existsSync(path.join(root, output)))) continue;
    await step(part.title, part.commands, { advice: REPORT });
    stamps[part.name] = stamp;
    mkdirSync(path.dirname(stampFile), { recursive: true });
    writeFileSync(stampFile, `${JSON.stringify(stamps, undefined, 2)}\n`);
  }
}

/** Changes when a file is added, removed or written. Times, not contents: hashing what nobody touched takes longer. */
export function fingerprint(inputs) {
  const hash = createHash("sha256").update(`${process.arch} ${process.versions.node}\n`);
  for (const input of inputs) addInput(hash, path.resolve(root, input));
  return hash.digest("hex").slice(0, 32);
}

function addInput(hash, file) {
  const status = statSync(file, { throwIfNoEntry: false });
  if (status === undefined) return;
  if (!status.isDirectory()) {
    hash.update(`${file}\0${status.size}\0${status.mtimeMs}\n`);
    return;
  }
  for (const name of readdirSync(file).sort()) addInput(hash, path.join(file, name));
}

function readStamps() {
  try {
    return JSON.parse(readFileSync(stampFile, "utf8"));
  } catch {
    return {};
  }
}
