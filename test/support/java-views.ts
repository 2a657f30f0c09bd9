import { execFile, execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { findJavac } from "./jdk.js";

/** A frame as the language itself sees it: "Mix.burn", and the line that runs. */
export interface ViewedFrame {
  readonly name: string;
  readonly line: number;
}

/** Lines of the methods of a folder of classes, by "Class.method", as javap reads them; a native method has none. */
export function lineTables(classPath: string): ReadonlyMap<string, ReadonlySet<number>> {
  const tables = new Map<string, Set<number>>();
  const classes = readdirSync(classPath).filter((name) => name.endsWith(".class"));
  const javap = join(dirname(findJavac()!), "javap");
  for (const file of classes) {
    const className = file.slice(0, -".class".length);
    const text = execFileSync(javap, ["-l", "-p", "-cp", classPath, className], { encoding: "utf8" });
    let lines: Set<number> | undefined;
    for (const row of text.split("\n")) {
      const method = /^ {2}\S.*?([\w$]+)\(.*\).*;$/.exec(row)?.[1] ?? (row === "  static {};" ? "<clinit>" : undefined);
      if (method !== undefined) {
        const name = `${className}.${method === className ? "<init>" : method}`;
        lines = tables.get(name) ?? new Set();
        tables.set(name, lines);
      }
      const line = /^ {6}line (\d+): \d+$/.exec(row)?.[1];
      if (line !== undefined) lines?.add(Number(line));
    }
  }
  return tables;
}

/**
 * What the JVM itself says of its thread "main", root first: of a class's own methods, but for its lambdas' classes, which it does not
 * always show. Line 0 for a native one. Empty when the process has ended.
 */
export async function dumpMain(jcmd: string, pid: number, className: string): Promise<readonly ViewedFrame[]> {
  const asked = promisify(execFile)(jcmd, [String(pid), "Thread.print"], { timeout: 20_000 });
  const { stdout } = await asked.catch(() => ({ stdout: "" }));
  const [, text = ""] = /^"main" .*\n((?:.+\n)*)/m.exec(stdout) ?? [];
  const frames = Array.from(
    text.matchAll(/^\tat ([^\s(]+)\((?:[^():]*:(\d+)|[^()]*)\)$/gm),
    ([, name, line]): ViewedFrame => ({ name, line: Number(line ?? 0) }),
  );
  return ownFrames(frames.reverse(), className);
}

/** Of a stack, the frames of one class's methods. */
export function ownFrames(stack: readonly ViewedFrame[], className: string): readonly ViewedFrame[] {
  return stack.filter(({ name }) => name.startsWith(`${className}.`)).map(({ name, line }) => ({ name, line }));
}

/** In which line a method calls another, by "caller → callee". */
export function callSites(stacks: readonly (readonly ViewedFrame[])[]): ReadonlyMap<string, ReadonlySet<number>> {
  const sites = new Map<string, Set<number>>();
  for (const stack of stacks) {
    for (const { call, line } of callsOf(stack)) {
      const lines = sites.get(call) ?? new Set();
      sites.set(call, lines.add(line));
    }
  }
  return sites;
}

/** The calls of one stack, root first, of which it knows the caller's line. */
export function* callsOf(stack: readonly ViewedFrame[]): Generator<{ readonly call: string; readonly line: number }> {
  for (let at = 1; at < stack.length; at++) {
    yield { call: `${stack[at - 1].name} → ${stack[at].name}`, line: stack[at - 1].line };
  }
}
