import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { findProgram } from "../runtimes/programs.js";
import { until } from "../until.js";

const FOLDER = path.resolve("build/receivers");
const TEST_AGENT = "1.69.1";
/** What says that something cannot be had here, rather than that it is broken. */
const NOT_HERE =
  /requires go >=|dial tcp|no such host|i\/o timeout|40[34] |connection refused|no matching distribution|ensurepip|externally-managed/i;

/** Pyroscope's and OpenTelemetry's own code, as test/receivers has it. */
export interface GoReceivers {
  readonly http: string;
  readonly grpc: string;
  /** Documents that came, in order. */
  readonly received: Readonly<Record<string, unknown>>[];
  close(): Promise<void>;
}

export async function openGoReceivers(): Promise<GoReceivers | { readonly skip: string }> {
  const go = ["/usr/local/go/bin/go", findProgram("go")].find((file) => file !== undefined && existsSync(file));
  if (go === undefined) return { skip: "needs go (apt-get install golang-go)" };
  mkdirSync(FOLDER, { recursive: true });
  const binary = path.join(FOLDER, "receivers");
  const problem = runIn("test/receivers", go, ["build", "-buildvcs=false", "-o", binary, "."], {
    GOTOOLCHAIN: "local",
  });
  if (problem !== "") return { skip: `test/receivers cannot be built here: ${problem}` };
  const child = spawn(binary, { stdio: ["pipe", "pipe", "inherit"] });
  const received: Readonly<Record<string, unknown>>[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    received.push(JSON.parse(line) as Record<string, unknown>);
  });
  await until(() => received.length > 0);
  const ports = received.shift() as { readonly http: number; readonly grpc: number };
  return {
    http: `http://127.0.0.1:${ports.http}`,
    grpc: `http://127.0.0.1:${ports.grpc}`,
    received,
    close: () => ended(child, () => child.stdin.end()),
  };
}

/** Datadog's own stand-in for its agent. */
export interface TestAgent {
  readonly url: string;
  readonly socketUrl: string;
  close(): Promise<void>;
}

export async function openTestAgent(folder: string, port: number): Promise<TestAgent | { readonly skip: string }> {
  const python = findProgram("python3");
  if (python === undefined) return { skip: "needs python3" };
  const environment = path.join(FOLDER, `ddapm-${TEST_AGENT}`);
  const program = path.join(environment, "bin/ddapm-test-agent");
  if (!existsSync(program)) {
    mkdirSync(FOLDER, { recursive: true });
    const problem =
      runIn(".", python, ["-m", "venv", environment]) ||
      runIn(".", path.join(environment, "bin/pip"), ["install", "-q", `ddapm-test-agent==${TEST_AGENT}`]);
    if (problem !== "") return { skip: `ddapm-test-agent cannot be installed here: ${problem}` };
  }
  const socket = path.join(folder, "apm.socket");
  const ports = { "--port": port, "--otlp-http-port": port + 1, "--otlp-grpc-port": port + 2, "--web-ui-port": 0 };
  const words = Object.entries(ports).flatMap(([name, value]) => [name, String(value)]);
  const child = spawn(program, [...words, "--trace-uds-socket", socket, "--disable-llmobs-data-forwarding"], {
    cwd: folder,
    stdio: "ignore",
  });
  const url = `http://127.0.0.1:${port}`;
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`ddapm-test-agent ended with ${child.exitCode}`);
    return (
      existsSync(socket) &&
      (await fetch(`${url}/info`).then(
        ({ ok }) => ok,
        () => false,
      ))
    );
  }, 60_000);
  return { url, socketUrl: `unix://${socket}`, close: () => ended(child, () => child.kill("SIGTERM")) };
}

/** "" when it went well; why it cannot be had here; throws when it is broken. */
function runIn(
  folder: string,
  command: string,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): string {
  const { status, stderr, stdout, error } = spawnSync(command, words, {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, ...env },
    timeout: 300_000,
  });
  if (status === 0) return "";
  const said = `${error?.message ?? ""} ${stderr} ${stdout}`.trim();
  if (!NOT_HERE.test(said)) throw new Error(`${command} ${words.join(" ")}: ${said.slice(-2000)}`);
  return said.split("\n").at(-1) ?? "";
}

async function ended(child: ReturnType<typeof spawn>, end: () => void): Promise<void> {
  const closed = new Promise<void>((resolve) => child.on("exit", () => resolve()));
  end();
  const killer = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await closed;
  clearTimeout(killer);
}
