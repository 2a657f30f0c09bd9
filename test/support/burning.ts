import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";

/** A child that uses CPU until it is stopped. */
export class Burning {
  private readonly child: ChildProcess;

  constructor(command: string, ...words: readonly string[]) {
    this.child = spawn(command, words, { stdio: "ignore" });
  }

  get pid(): number {
    return this.child.pid!;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill("SIGKILL");
    await once(this.child, "close");
  }
}

/** Longer than any test, should nobody stop it. */
export const ENDLESS_MS = 180_000;

export function burningNode(): Burning {
  const script = `const end = Date.now() + ${ENDLESS_MS}; while (Date.now() < end) Math.sqrt(end);`;
  return new Burning(process.execPath, "-e", script);
}

export function burningPython(): Burning {
  const script = `import time\nend = time.time() + ${ENDLESS_MS / 1000}\nwhile time.time() < end: sum(range(1000))`;
  return new Burning("python3", "-c", script);
}
