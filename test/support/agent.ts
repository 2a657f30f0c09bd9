import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { Profile } from "pprof-format";
import { until } from "./until.js";

const PROGRAM = "dist/main.js";
/** Of a machine that does much besides. */
const START_MS = 20_000;

export interface AgentLine {
  readonly event: string;
  readonly level: string;
  readonly [field: string]: unknown;
}

/** A sample of a profile file, as far as tests look at it. */
export interface FiledSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly count: number;
}

export interface AgentPlace {
  /** The directory of one that it is to run in. */
  readonly cgroup?: string;
  /** Words before its own: what takes a right from it. */
  readonly prefix?: readonly string[];
}

/** `hostflame agent`, running; its profiles go to a folder of its own. */
export class RunningAgent {
  readonly folder = mkdtempSync(join(tmpdir(), "hostflame-agent-"));
  readonly profiles = join(this.folder, "profiles");
  readonly lines: AgentLine[] = [];
  errors = "";
  private readonly child: ChildProcess;
  private readonly closed: Promise<unknown>;

  constructor(options: readonly string[], environment: Readonly<Record<string, string>> = {}, place: AgentPlace = {}) {
    const { cgroup, prefix = [] } = place;
    const words = ["agent", "--output-dir", this.profiles, "--listen", "127.0.0.1:0", ...options];
    const { KUBECONFIG: _config, KUBERNETES_SERVICE_HOST: _host, ...inherited } = process.env;
    const command = [...prefix, process.execPath, PROGRAM, ...words];
    const inCgroup = ["sh", "-c", 'echo 0 > "$0/cgroup.procs" && exec "$@"', cgroup ?? "", ...command];
    const [program = "", ...following] = cgroup === undefined ? command : inCgroup;
    this.child = spawn(program, following, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...inherited, ...environment },
    });
    let rest = "";
    this.child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      const parts = (rest + text).split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) this.lines.push(JSON.parse(line) as AgentLine);
    });
    this.child.stderr!.setEncoding("utf8").on("data", (text: string) => (this.errors += text));
    this.closed = once(this.child, "close");
  }

  get pid(): number {
    return this.child.pid!;
  }

  find(event: string): AgentLine | undefined {
    return this.lines.find((line) => line.event === event);
  }

  /** Resolves with the line, or when the agent has ended without it. */
  async until(event: string): Promise<AgentLine | undefined> {
    await until(() => this.find(event) !== undefined || this.child.exitCode !== null, START_MS);
    return this.find(event);
  }

  async windows(number: number): Promise<void> {
    const written = () => this.lines.filter(({ event }) => event === "window_written").length;
    const before = written();
    await until(() => written() >= before + number, 60_000);
  }

  /** Where the API answers: "http://127.0.0.1:9178". */
  get api(): string {
    return `http://${String(this.find("api_listening")?.["address"])}`;
  }

  async get(path: string): Promise<{ readonly status: number; readonly text: string }> {
    const address = String(this.find("listening")?.["address"]);
    const response = await fetch(`http://${address}${path}`);
    return { status: response.status, text: await response.text() };
  }

  /** Sum of a metric's values whose labels hold the text. */
  async metric(name: string, labels = ""): Promise<number> {
    const { text } = await this.get("/metrics");
    const rows = text.split("\n").filter((row) => row.startsWith(name) && /^[ {]/.test(row.slice(name.length)));
    return rows.filter((row) => row.includes(labels)).reduce((sum, row) => sum + Number(row.split(" ").at(-1)), 0);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Signals, and gives the exit code and how long it took. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<{ readonly code: number | null; readonly ms: number }> {
    const start = performance.now();
    this.child.kill(signal);
    await this.closed;
    return { code: this.child.exitCode, ms: performance.now() - start };
  }

  async ended(): Promise<number | null> {
    await this.closed;
    return this.child.exitCode;
  }

  /** Profiles; not one that is being written. */
  files(): readonly string[] {
    if (!existsSync(this.profiles)) return [];
    return readdirSync(this.profiles)
      .filter((name) => !name.startsWith("."))
      .sort();
  }

  bytes(file: string): Buffer {
    return readFileSync(join(this.profiles, file));
  }

  /** Of all files, or of those named. */
  samples(files = this.files()): FiledSample[] {
    return files.flatMap((file) => samplesOf(this.bytes(file)));
  }

  /** Ends it whatever it does, and removes its files. */
  async dispose(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.closed;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Of a .pb.gz file. */
export function samplesOf(bytes: Uint8Array): FiledSample[] {
  const { sample, stringTable } = Profile.decode(gunzipSync(bytes));
  const text = (index: number | bigint): string => stringTable.strings[Number(index)];
  return sample.map(({ label, value }) => ({
    labels: Object.fromEntries(label.map(({ key, str, num }) => [text(key), str === 0 ? String(num) : text(str)])),
    count: Number(value[0]),
  }));
}

export function countOf(samples: readonly FiledSample[]): number {
  return samples.reduce((sum, { count }) => sum + count, 0);
}
