import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Memory } from "#src/interpreters/memory-pages.js";
import type { NodeRelease } from "./node-release.js";

/** A function as V8 itself prints it (%DebugPrint); addresses without tag. */
export interface PrintedFunction {
  readonly sharedFunctionInfo: number;
  /** Its code; undefined where V8 says none. */
  readonly code: number | undefined;
  /** "TURBOFAN", "BASELINE", "BUILTIN", as the version spells it. */
  readonly codeKind: string;
}

/** A Node.js process that has printed functions of its script and waits. */
export interface PrintedProcess {
  readonly pid: number;
  readonly script: string;
  readonly functions: readonly PrintedFunction[];
  /** All that it printed. */
  readonly output: string;
  /** Reads its memory at once. */
  readonly memory: Memory;
  end(): void;
}

const READY = "READY TO BE READ";
const PATIENCE_MS = 30_000;

/** Runs a script that calls `print(f)` for each function, until its end; it stays then. */
export async function printFunctions(
  release: Pick<NodeRelease, "path">,
  source: string,
  flags: readonly string[] = [],
): Promise<PrintedProcess> {
  const directory = mkdtempSync(join(tmpdir(), "hostflame-v8-"));
  const script = join(directory, "script.js");
  const prelude = `function print(f) { %DebugPrint(f); }`;
  // In pieces: what prints bytecodes prints their constants, too.
  const end = `console.log(${JSON.stringify(READY.split(" "))}.join(" ")); setInterval(() => {}, 1000);`;
  writeFileSync(script, `${source}\n${prelude}\nmain();\n${end}\n`);
  const child = spawn(release.path, ["--allow-natives-syntax", ...flags, script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const close = (): void => {
    child.kill("SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const output = await untilReady(child);
    const fd = openSync(`/proc/${child.pid!}/mem`, "r");
    return {
      ...{ pid: child.pid!, script, output, functions: parsePrinted(output), memory: memoryOf(fd) },
      end: () => {
        closeSync(fd);
        close();
      },
    };
  } catch (error) {
    close();
    throw error;
  }
}

function memoryOf(fd: number): Memory {
  return {
    readUpTo: (address, length) => {
      const bytes = Buffer.alloc(length);
      try {
        const read = readSync(fd, bytes, 0, length, address);
        return Promise.resolve(read === 0 ? undefined : bytes.subarray(0, read));
      } catch {
        return Promise.resolve(undefined);
      }
    },
  };
}

async function untilReady(child: ChildProcess): Promise<string> {
  let output = "";
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`no end of printing: ${output.slice(-1000)}`));
    }, PATIENCE_MS);
    child.stdout!.setEncoding("latin1").on("data", (text: string) => {
      output += text;
      if (!output.includes(READY)) return;
      clearTimeout(timer);
      resolve();
    });
    child.once("exit", (code) => {
      clearTimeout(timer);
      reject(new Error(`node ended with ${String(code)}: ${output.slice(-1000)}`));
    });
  });
  return output;
}

function parsePrinted(output: string): PrintedFunction[] {
  return output
    .split("DebugPrint: ")
    .filter((text) => text.includes("- shared_info:"))
    .map((text) => {
      const shared = /- shared_info: 0x([0-9a-f]+)/.exec(text);
      const code = /- code: 0x([0-9a-f]+) <Code (\w+)/.exec(text);
      if (shared === null) throw new Error(`no function: ${text.slice(0, 300)}`);
      return {
        sharedFunctionInfo: parseInt(shared[1], 16) - 1,
        code: code === null ? undefined : parseInt(code[1], 16) - 1,
        codeKind: code?.[2] ?? "",
      };
    });
}
