import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";
import { until } from "../../../support/until.js";

const HANGUP = JSON.stringify(new URL("../../../../../dist/agent/reload/hangup.js", import.meta.url).href);

/** A program that listens to hang-ups when it is told to on its standard input, and says each. */
const SCRIPT = `
  import { Hangup } from ${HANGUP};
  const hangup = new Hangup();
  process.stdin.once("data", () => hangup.onAsked(() => console.log("asked")));
  console.log("ready");`;

class Program {
  said = "";
  readonly child: ChildProcess;

  constructor(command: readonly string[] = []) {
    const [program, ...words] = [...command, process.execPath, "--input-type=module", "-e", SCRIPT];
    this.child = spawn(program, words, { stdio: ["pipe", "pipe", "inherit"] });
    this.child.stdout!.setEncoding("utf8").on("data", (text: string) => (this.said += text));
  }

  get asked(): number {
    return this.said.split("asked").length - 1;
  }

  listen(): void {
    this.child.stdin!.write("\n");
  }

  async end(): Promise<void> {
    this.child.kill("SIGKILL");
    await once(this.child, "close");
  }
}

describe("SIGHUP", () => {
  it("asks, as often as it comes; what came before somebody listened asks once", async () => {
    const program = new Program();
    try {
      await until(() => program.said.includes("ready"));
      for (let times = 0; times < 3; times++) program.child.kill("SIGHUP");
      await new Promise((resolve) => setTimeout(resolve, 200));
      program.listen();
      await until(() => program.asked === 1);
      program.child.kill("SIGHUP");
      await until(() => program.asked === 2);
      assert.equal(program.child.exitCode, null);
    } finally {
      await program.end();
    }
  });

  const unshare = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const cannot =
    spawnSync(unshare[0], [...unshare.slice(1), "true"]).status !== 0 && "needs a PID namespace: root, unshare";
  it("reaches the first process of a container, from within", { skip: cannot }, async () => {
    // That process is Node.js itself, which makes a shell of its own that does what `kubectl exec … kill -HUP 1` does.
    const inside = SCRIPT.replace(
      `console.log("ready");`,
      `import { spawnSync } from "node:child_process";
       hangup.onAsked(() => console.log("asked", process.pid));
       spawnSync("sh", ["-c", "kill -HUP 1"]);`,
    );
    const [program, ...words] = [...unshare, process.execPath, "--input-type=module", "-e", inside];
    const child = spawn(program, words, { stdio: ["pipe", "pipe", "inherit"] });
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
    try {
      await until(() => said.includes("asked 1\n"));
    } finally {
      child.kill("SIGKILL");
      await once(child, "close");
    }
  });
});
