/* One step of the set-up: a line while it runs, its time when it is done, the end of its log when it fails. */
import { spawn } from "node:child_process";
import { createWriteStream, mkdirSync, readFileSync } from "node:fs";
import path from "node:path";

export const root = path.dirname(import.meta.dirname);
const logs = path.join(root, "build/logs");
const TAIL_LINES = 40;

/** A failure that has been explained: the sentence is all there is to print. */
export class SetupError extends Error {}

/**
 * Runs the commands of one step, one after the other.
 *
 * @param {string} title  what is being done: "building the addon"
 * @param {readonly (readonly string[])[]} commands  words of each
 * @param {{ advice: string, environment?: Record<string, string> }} options  advice: what to do when it fails
 */
export async function step(title, commands, { advice, environment = {} }) {
  const start = performance.now();
  process.stderr.write(`hostflame: ${title} … `);
  for (const words of commands) {
    const { code, log } = await run(words, environment);
    if (code === 0) continue;
    process.stderr.write(`failed\n\n${tail(log)}\n\n`);
    throw new SetupError(
      `${words.join(" ")} failed (exit code ${code}); the whole log is ${path.relative(root, log)}. ${advice}`,
    );
  }
  process.stderr.write(`${((performance.now() - start) / 1000).toFixed(1)} s\n`);
}

/** Runs one command with its output in a log; resolves with its exit code. */
export async function run(words, environment = {}) {
  mkdirSync(logs, { recursive: true });
  const log = path.join(logs, `${path.basename(words[0])}-${process.pid}-${sequence++}.log`);
  const file = createWriteStream(log);
  file.write(`$ ${words.join(" ")}\n`);
  const child = spawn(words[0], words.slice(1), {
    cwd: root,
    env: { ...process.env, ...environment, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.stdout.pipe(file, { end: false });
  child.stderr.pipe(file, { end: false });
  const code = await new Promise((resolve) => {
    child.once("error", (error) => {
      file.write(`${error.message}\n`);
      resolve(127);
    });
    child.once("close", (exitCode, signal) => resolve(exitCode ?? signal));
  });
  await new Promise((resolve) => file.end(resolve));
  return { code, log };
}

let sequence = 0;

function tail(log) {
  const lines = readFileSync(log, "utf8").trimEnd().split("\n").slice(-TAIL_LINES);
  return lines.map((line) => `    ${line}`).join("\n");
}

/** Runs a script's body; an explained failure is one sentence and exit code 1. */
export async function main(body) {
  try {
    await body();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`hostflame: ${error.message}\n`);
    process.exitCode = 1;
  }
}
