import { spawn } from "node:child_process";

export interface CommandOptions {
  readonly environment?: NodeJS.ProcessEnv;
  readonly input?: string;
  /** Milliseconds; two minutes unless given. */
  readonly timeoutMs?: number;
}

export interface CommandResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const TIMEOUT_MS = 120_000;

/** Runs a program to its end, whatever that is. */
export function run(command: string, words: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const { environment = process.env, input = "", timeoutMs = TIMEOUT_MS } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, words, { env: environment, timeout: timeoutMs, stdio: ["pipe", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.once("error", reject);
    // Exit and not close: what a daemon holds of these pipes stays open as long as it runs.
    child.once("exit", (status) => setImmediate(() => resolve({ status, stdout, stderr })));
    // Whoever reads no input has perhaps ended before it was written.
    child.stdin.once("error", () => undefined);
    child.stdin.end(input);
  });
}

/** What a program prints; throws with its words when it fails. */
export async function outputOf(command: string, words: readonly string[], options?: CommandOptions): Promise<string> {
  const { status, stdout, stderr } = await run(command, words, options);
  if (status !== 0) {
    throw new Error(`${command} ${words.join(" ")} ended with ${status}:\n${stderr}${stdout.slice(-2000)}`);
  }
  return stdout;
}
