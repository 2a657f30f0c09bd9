import * as http from "node:http";
import * as https from "node:https";
import { errnoOf } from "../util/errno.js";
import { printable } from "../util/printable.js";
import { ApiProblem, type FailureReason } from "./api-problem.js";
import type { ApiEndpoint, ClusterAccess } from "./cluster-access.js";

/** How long to wait for what, milliseconds. */
export interface StreamTimeouts {
  /** For the connection and the head of the answer. */
  readonly headMs: number;
  /** Without a byte; undefined where silence is normal. */
  readonly idleMs?: number;
  /** For all of it. A peer that is gone without a word is noticed by this, or by TCP's probes before. */
  readonly totalMs?: number;
}

/** A first probe after so long without a byte; Linux gives up ten unanswered ones later, a second each (libuv's choice). */
const KEEP_ALIVE_MS = 15_000;
/** Of an error's body; the API's Status objects have a few hundred bytes. */
const MAX_ERROR_BYTES = 16 << 10;
const MAX_SAID = 240;
/** What an API server may ask for at most. */
const MAX_RETRY_AFTER_MS = 300_000;

/**
 * GETs a path of the API and gives the body as it comes; leaving the loop over it closes the connection. Each request has a
 * connection of its own, for they are minutes apart. Rejects and throws only {@link ApiProblem}s.
 */
export async function openStream(
  access: ClusterAccess,
  path: string,
  timeouts: StreamTimeouts,
  signal: AbortSignal,
): Promise<AsyncGenerator<Buffer>> {
  const endpoint = await access.endpoint();
  const guard = new RequestGuard(endpoint, path, timeouts, signal);
  try {
    const response = await guard.response();
    if (response.statusCode !== 200) throw await problemOf(response, endpoint);
    return guard.body(response);
  } catch (error) {
    guard.release();
    throw guard.problem(error);
  }
}

/** A request and what may end it from outside: timers, the caller's signal. */
class RequestGuard {
  readonly #request: http.ClientRequest;
  readonly #server: URL;
  readonly #signal: AbortSignal;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #abort = (): void => void this.#request.destroy();
  readonly #idleMs: number;
  /** Why it was ended from here: all that streams tell is that they were. */
  #cause: ApiProblem | undefined;

  constructor(endpoint: ApiEndpoint, path: string, timeouts: StreamTimeouts, signal: AbortSignal) {
    const { server, options } = endpoint;
    const { request } = server.protocol === "http:" ? http : https;
    // What stands before the API's own paths in a kubeconfig's address: a proxy's prefix.
    const prefix = server.pathname.replace(/\/$/, "");
    const headers = { accept: "application/json", "user-agent": "hostflame", ...endpoint.headers };
    this.#request = request({ ...target(server), path: prefix + path, agent: false, ...options, headers });
    this.#server = server;
    this.#signal = signal;
    this.#idleMs = timeouts.idleMs ?? 0;
    this.#request.on("socket", (socket) => socket.setKeepAlive(true, KEEP_ALIVE_MS));
    this.#endAfter(timeouts.headMs, "did not answer");
    if (timeouts.totalMs !== undefined) this.#endAfter(timeouts.totalMs, "did not end its answer");
    signal.addEventListener("abort", this.#abort, { once: true });
    if (signal.aborted) this.#abort();
    this.#request.end();
  }

  async response(): Promise<http.IncomingMessage> {
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      this.#request.once("response", resolve);
      this.#request.once("error", reject);
      this.#request.once("close", () => reject(new Error("closed")));
    });
    // From here on the body's reader hears of errors; one that comes when nobody reads any more says nothing new.
    this.#request.on("error", () => {});
    clearTimeout(this.#timers[0]);
    if (this.#idleMs > 0) {
      response.setTimeout(this.#idleMs, () => this.#late(`sent nothing more for ${this.#idleMs / 1000} s`));
    }
    return response;
  }

  async *body(response: http.IncomingMessage): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of response) yield chunk as Buffer;
    } catch (error) {
      throw this.problem(error);
    } finally {
      this.release();
    }
  }

  release(): void {
    this.#timers.forEach(clearTimeout);
    this.#signal.removeEventListener("abort", this.#abort);
    this.#request.destroy();
  }

  problem(error: unknown): ApiProblem {
    if (error instanceof ApiProblem) return error;
    if (this.#cause !== undefined) return this.#cause;
    const code = errnoOf(error) || (error instanceof Error ? error.message : String(error));
    return new ApiProblem(
      "network",
      `The Kubernetes API at ${this.#server.host} cannot be reached or broke off (${printable(code).slice(0, MAX_SAID)}): check that it runs and that this node may connect to it.`,
    );
  }

  #endAfter(ms: number, what: string): void {
    this.#timers.push(setTimeout(() => this.#late(`${what} within ${ms / 1000} s`), ms));
  }

  #late(what: string): void {
    const message = `The Kubernetes API at ${this.#server.host} ${what}: check its load and the network.`;
    this.#cause = new ApiProblem("timeout", message);
    this.#request.destroy(this.#cause);
  }
}

/** Brackets belong to an IPv6 address in a URL, and not to what is connected to. */
function target({ protocol, hostname, port }: URL): http.RequestOptions {
  return { protocol, hostname: hostname.replace(/^\[|\]$/g, ""), ...(port === "" ? {} : { port }) };
}

async function problemOf(response: http.IncomingMessage, { server }: ApiEndpoint): Promise<ApiProblem> {
  const status = response.statusCode ?? 0;
  const said = await statusMessage(response);
  return statusProblem(status, said, ` at ${server.host}`, retryAfterMs(response.headers["retry-after"]));
}

/** What a status, of an answer or of an error within a watch, means for us. `said` is the API server's own sentence. */
export function statusProblem(status: number, said: string, where = "", retryAfter = 0): ApiProblem {
  const quoted = said === "" ? "" : `: ${printable(said).slice(0, MAX_SAID)}`;
  const [reason, advice] = meaningOf(status, said);
  return new ApiProblem(reason, `The Kubernetes API${where} answers ${status}${quoted}; ${advice}.`, retryAfter);
}

function meaningOf(status: number, said: string): readonly [FailureReason, string] {
  // 504 is also what a resource version that this API server has not reached yet is answered with.
  if (status === 410 || (status === 504 && said.includes("Too large resource version"))) {
    return ["gone", "the pods are listed anew"];
  }
  switch (status) {
    case 401:
      return ["unauthorized", "check that the token is mounted, is not expired and is this cluster's"];
    case 403:
      return ["forbidden", "grant the service account pods: list, watch; see deploy/base/rbac.yaml"];
    case 429:
    case 503:
      return ["throttled", "it is asked again when it says, or a little later each time"];
    default:
      return ["refused", "check the API server's log; it is asked again"];
  }
}

async function statusMessage(response: http.IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    parts.push(part);
    bytes += part.length;
    if (bytes > MAX_ERROR_BYTES) break;
  }
  try {
    const { message } = JSON.parse(Buffer.concat(parts).toString("utf8")) as { message?: unknown };
    return typeof message === "string" ? message : "";
  } catch {
    return ""; // A proxy's page; the status says enough.
  }
}

/** Seconds or a date. */
function retryAfterMs(header: string | undefined): number {
  if (header === undefined) return 0;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS) : 0;
}
