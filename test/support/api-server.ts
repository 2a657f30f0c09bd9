import { spawn, type ChildProcess } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";
import type { ClusterAccess } from "#src/kubernetes/cluster-access.js";
import { until } from "./until.js";
import { freePort } from "./free-port.js";

/** Where the cluster kit keeps its programs, a folder a version. */
const PROGRAMS = process.env["KUBE_CACHE"] ?? "/var/cache/kube-bin";
const ETCD = "/usr/bin/etcd";
const START_MS = 60_000;
/** Tokens of the two users there are; the second has the rights that a test gives it. */
const ADMIN = "admin-token";
export const AGENT = { name: "agent", token: "agent-token" } as const;

/** Why no API server can be started here, or false. */
export function lacksApiServer(): string | false {
  if (kubernetesProgram("kube-apiserver") === undefined) {
    return `no kube-apiserver in ${PROGRAMS} (the cluster kit's build makes it; KUBE_CACHE names another place)`;
  }
  return existsSync(ETCD) ? false : `no ${ETCD} (Debian's etcd-server)`;
}

/**
 * An etcd and a kube-apiserver of the test's own: the real thing, RBAC and all, without a node, so that it may be stopped and
 * its past be forgotten. Whatever comes, both end with this process.
 */
export class ApiServer {
  readonly #folder: string;
  readonly #etcdPort: number;
  readonly #port: number;
  readonly #children = new Map<string, ChildProcess>();

  private constructor(folder: string, etcdPort: number, port: number) {
    this.#folder = folder;
    this.#etcdPort = etcdPort;
    this.#port = port;
  }

  static async start(): Promise<ApiServer> {
    const folder = mkdtempSync(path.join(tmpdir(), "hostflame-api-"));
    const server = new ApiServer(folder, await freePort(), await freePort());
    try {
      await server.#startEtcd();
      await server.resume();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** As a user with this token. */
  access(token: string): ClusterAccess {
    const options = { ca: readFileSync(this.#file("apiserver.crt")) };
    const server = new URL(`https://127.0.0.1:${this.#port}`);
    return { endpoint: () => Promise.resolve({ server, headers: { authorization: `Bearer ${token}` }, options }) };
  }

  /** Asks as administrator; rejects when the answer is an error. */
  async ask(method: string, where: string, body?: object): Promise<Record<string, unknown>> {
    const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
    const headers = { authorization: `Bearer ${ADMIN}`, "content-type": type };
    const ca = readFileSync(this.#file("apiserver.crt"));
    const url = `https://127.0.0.1:${this.#port}${where}`;
    return exchange(https.request(url, { method, headers, ca, agent: false }), body);
  }

  /** Ends kube-apiserver; etcd, and so all objects, stay. */
  async halt(): Promise<void> {
    await this.#end("apiserver");
  }

  async resume(): Promise<void> {
    const keys = this.#file("service-accounts.key");
    this.#run("apiserver", kubernetesProgram("kube-apiserver")!, [
      `--etcd-servers=http://127.0.0.1:${this.#etcdPort}`,
      "--bind-address=127.0.0.1",
      "--advertise-address=127.0.0.1",
      `--secure-port=${this.#port}`,
      `--cert-dir=${this.#folder}`,
      `--token-auth-file=${this.#file("tokens.csv")}`,
      "--authorization-mode=RBAC",
      "--disable-admission-plugins=ServiceAccount",
      "--endpoint-reconciler-type=none",
      "--service-cluster-ip-range=10.0.0.0/24",
      "--service-account-issuer=https://hostflame.test",
      `--service-account-key-file=${keys}`,
      `--service-account-signing-key-file=${keys}`,
    ]);
    await this.#ready("apiserver", () => this.ask("GET", "/api/v1/namespaces/default"));
  }

  /** Makes etcd forget all versions but the present one. */
  async compact(): Promise<void> {
    const url = `http://127.0.0.1:${this.#etcdPort}/v3/kv`;
    const { header } = await exchange(http.request(`${url}/range`, { method: "POST" }), { key: "AA==" });
    const { revision } = header as { revision: string };
    await exchange(http.request(`${url}/compaction`, { method: "POST" }), { revision, physical: true });
  }

  async stop(): Promise<void> {
    await this.#end("apiserver");
    await this.#end("etcd");
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #startEtcd(): Promise<void> {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    writeFileSync(this.#file("service-accounts.key"), privateKey.export({ type: "pkcs1", format: "pem" }));
    writeFileSync(this.#file("tokens.csv"), `${ADMIN},admin,1,system:masters\n${AGENT.token},${AGENT.name},2\n`);
    const url = `http://127.0.0.1:${this.#etcdPort}`;
    this.#run("etcd", ETCD, [
      `--data-dir=${this.#file("etcd")}`,
      `--listen-client-urls=${url}`,
      `--advertise-client-urls=${url}`,
      "--listen-peer-urls=http://127.0.0.1:0",
      "--unsafe-no-fsync",
      "--log-level=warn",
    ]);
    await this.#ready("etcd", () => exchange(http.request(`${url}/health`)));
  }

  #run(name: string, program: string, options: readonly string[]): void {
    const log = openSync(this.#file(`${name}.log`), "a");
    // A test that is killed cannot clean up.
    const child = spawn("setpriv", ["--pdeathsig", "KILL", program, ...options], { stdio: ["ignore", log, log] });
    closeSync(log);
    this.#children.set(name, child);
  }

  async #ready(name: string, ask: () => Promise<unknown>): Promise<void> {
    const isReady = async (): Promise<boolean> => {
      const child = this.#children.get(name);
      if (child?.exitCode !== null) throw new Error("it ended");
      return ask().then(
        () => true,
        () => false,
      );
    };
    await until(isReady, START_MS).catch((cause: unknown) => {
      throw new Error(`${name} does not come up, ${String(cause)}:\n${this.#log(name)}`);
    });
  }

  async #end(name: string): Promise<void> {
    const child = this.#children.get(name);
    this.#children.delete(name);
    if (child?.exitCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  #log(name: string): string {
    return readFileSync(this.#file(`${name}.log`), "utf8").slice(-4000);
  }

  #file(name: string): string {
    return path.join(this.#folder, name);
  }
}

/** Where the kit has a program, of the newest version it has. */
export function kubernetesProgram(name: string): string | undefined {
  if (!existsSync(PROGRAMS)) return undefined;
  const programs = readdirSync(PROGRAMS).map((version) => path.join(PROGRAMS, version, name));
  return programs.sort().findLast((program) => existsSync(program));
}

async function exchange(request: http.ClientRequest, body?: object): Promise<Record<string, unknown>> {
  request.end(body === undefined ? undefined : JSON.stringify(body));
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  let text = "";
  for await (const part of response.setEncoding("utf8")) text += part as string;
  if (response.statusCode! >= 300) throw new Error(`${request.method} ${request.path}: ${response.statusCode} ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
}
