import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, renameSync, symlinkSync } from "node:fs";
import path from "node:path";
import { javaClasses } from "./java-classes.js";
import { findJniHeaders, type Jdk } from "./jdk.js";

const SOURCES = "test/workloads/java";

/** The library that Mix.java calls; undefined where no JDK has the header for it. */
export function mixLibrary(): string | undefined {
  const headers = findJniHeaders();
  if (headers === undefined) return undefined;
  const source = path.resolve(SOURCES, "mix.c");
  const hash = createHash("sha256").update(readFileSync(source)).digest("hex").slice(0, 16);
  const library = path.resolve("build/workloads", `libmix-${hash}.so`);
  if (existsSync(library)) return library;
  mkdirSync(path.dirname(library), { recursive: true });
  const making = `${library}.${process.pid}`;
  const flags = ["-O2", "-shared", "-fPIC", "-fomit-frame-pointer", `-I${headers}`, `-I${headers}/linux`];
  execFileSync("gcc", [...flags, "-o", making, source]);
  renameSync(making, library);
  return library;
}

/**
 * Runs Mix.java, and gives what it printed. Its threads are called `comm` where the JVM itself does not name them. `beside`: what is
 * done while it runs.
 */
export async function runMix(
  jdk: Jdk,
  comm: string,
  folder: string,
  options: readonly string[],
  args: readonly string[],
  beside: (pid: number) => Promise<void> = () => Promise.resolve(),
): Promise<string> {
  const command = path.join(folder, comm);
  symlinkSync(jdk.java.at(-1)!, command);
  const [program, ...rest] = [...jdk.java.slice(0, -1), command];
  const argv = [...rest, ...options, "-cp", javaClasses("java"), "Mix", ...args];
  const child = spawn(program, argv, { stdio: ["ignore", "pipe", "pipe"] });
  let [output, errors] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  try {
    await Promise.all([once(child, "close"), beside(child.pid!)]);
    if (child.exitCode !== 0) throw new Error(`${comm} ended with ${String(child.exitCode)}: ${errors}${output}`);
    return output;
  } finally {
    child.kill("SIGKILL");
  }
}
