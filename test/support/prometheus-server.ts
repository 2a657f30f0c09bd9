import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { until } from "./until.js";
import { freePort } from "./free-port.js";

const START_MS = 30_000;

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

interface Answer<Data> {
  readonly status: string;
  readonly error?: string;
  readonly data: Data;
}

export interface PrometheusOptions {
  /** The program. */
  readonly program: string;
  /** Address of an agent, "127.0.0.1:1234". */
  readonly target: string;
  /** What the PodMonitor would put on its series. */
  readonly labels: Readonly<Record<string, string>>;
  /** A rule file. */
  readonly rules: string;
}

/** A Prometheus of the tests' own, that scrapes one agent once a second. */
export class PrometheusServer {
  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
    private readonly address: string,
  ) {}

  static async start({ program, target, labels, rules }: PrometheusOptions): Promise<PrometheusServer> {
    const folder = mkdtempSync(path.join(tmpdir(), "hostflame-prometheus-"));
    const address = `127.0.0.1:${await freePort()}`;
    const configuration = {
      global: { scrape_interval: "1s", evaluation_interval: "2s" },
      rule_files: [path.resolve(rules)],
      scrape_configs: [{ job_name: "hostflame/hostflame", static_configs: [{ targets: [target], labels }] }],
    };
    // JSON is YAML.
    writeFileSync(path.join(folder, "prometheus.yml"), JSON.stringify(configuration));
    const words = ["--config.file=prometheus.yml", "--storage.tsdb.path=data", `--web.listen-address=${address}`];
    const child = spawn(program, words, { cwd: folder, stdio: "ignore", env: { ...process.env, GOMAXPROCS: "1" } });
    const server = new PrometheusServer(child, folder, address);
    await until(() => server.isReady(), START_MS);
    return server;
  }

  /** The series of an instant query; rejects with Prometheus' own words where it does not understand. */
  async query(expression: string): Promise<readonly Series[]> {
    const { result } = await this.get<{ result: readonly Series[] }>(`query?query=${encodeURIComponent(expression)}`);
    return result;
  }

  /** Each rule's health, "ok" where its expression could be evaluated. */
  async rules(): Promise<readonly { readonly name: string; readonly health: string; readonly lastError?: string }[]> {
    interface Group {
      readonly rules: readonly { readonly name: string; readonly health: string; readonly lastError?: string }[];
    }
    const { groups } = await this.get<{ groups: readonly Group[] }>("rules");
    return groups.flatMap(({ rules }) => rules);
  }

  async stop(): Promise<void> {
    const closed = once(this.child, "close");
    this.child.kill("SIGKILL");
    await closed;
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async isReady(): Promise<boolean> {
    try {
      return (await fetch(`http://${this.address}/-/ready`)).ok;
    } catch {
      return false; // not listening yet
    }
  }

  private async get<Data>(what: string): Promise<Data> {
    const response = await fetch(`http://${this.address}/api/v1/${what}`);
    const { status, error = "", data } = (await response.json()) as Answer<Data>;
    if (status !== "success") throw new Error(`${what}: ${error}`);
    return data;
  }
}
