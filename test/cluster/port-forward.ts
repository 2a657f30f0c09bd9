import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Cluster } from "./kit.js";

const START_MS = 30_000;

/** `kubectl port-forward`: a pod's own loopback, as an operator reaches it. */
export class PortForward {
  private constructor(
    private readonly child: ChildProcess,
    /** "http://127.0.0.1:40123" */
    readonly address: string,
  ) {}

  static async open({ environment }: Cluster, namespace: string, target: string, port: number): Promise<PortForward> {
    const words = ["-n", namespace, "port-forward", target, `:${port}`];
    const child = spawn("kubectl", words, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
    const address = await new Promise<string>((resolve, reject) => {
      let said = "";
      const fail = (): void => {
        child.kill("SIGKILL");
        reject(new Error(`kubectl ${words.join(" ")} does not forward: ${said}`));
      };
      const timer = setTimeout(fail, START_MS);
      const listen = (text: string): void => {
        said += text;
        const [, local] = /Forwarding from (127\.0\.0\.1:\d+)/.exec(said) ?? [];
        if (local === undefined) return;
        clearTimeout(timer);
        resolve(`http://${local}`);
      };
      child.stdout.setEncoding("utf8").on("data", listen);
      child.stderr.setEncoding("utf8").on("data", listen);
      child.once("exit", fail);
    });
    return new PortForward(child, address);
  }

  async close(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill();
    await once(this.child, "exit");
  }
}
