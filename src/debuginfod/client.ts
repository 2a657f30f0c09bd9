import { Agent as PlainAgent, type IncomingMessage, request as plainRequest } from "node:http";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";
import { originOf } from "../exporters/options/address.js";
import { TransportFailure, transportFailureOf } from "../exporters/transport/failure.js";
import { USER_AGENT } from "../exporters/transport/http.js";
import { retryAfterMs } from "../exporters/transport/status.js";
import { sharedLookup } from "../util/shared-lookup.js";
import { NotKept, type RequestResult } from "./failure.js";
import { discardBody, readBody, WrongBody } from "./read-body.js";
import { isSameOrigin, redirectTarget } from "./redirect.js";
import type { DebuginfodServer } from "./servers.js";
import type { DebugFileSink } from "./sink.js";
import { Watch } from "./watch.js";

/** What a server said. */
export type Answer =
  /** All bytes are in the sink; what they are worth is not known yet. */
  | { readonly kind: "complete" }
  | { readonly kind: "missing" }
  /** The server may say something else later: a reason, a sentence for people, and for how long it wants to be left alone. */
  | { readonly kind: "away"; readonly result: RequestResult; readonly detail: string; readonly afterMs?: number }
  /** It has the file, and what came of it ended too early or too late: this file may come at another time. */
  | { readonly kind: "broken"; readonly result: RequestResult; readonly detail: string }
  /** It would say the same again. */
  | { readonly kind: "refused"; readonly result: RequestResult; readonly detail: string };

export interface ClientLimits {
  /** Of one file, as it is on the disk. */
  readonly fileBytes: number;
  /** To a connection. */
  readonly connectMs: number;
  /** From there to the first line of the answer: a server may have to unpack a package first. */
  readonly answerMs: number;
  /** Without a byte. */
  readonly stallMs: number;
  /** For all of it. */
  readonly totalMs: number;
}

/** As the reference client has it, and connections that everyone else makes in a fraction of that. */
export const CLIENT_LIMITS = { connectMs: 10_000, answerMs: 90_000, stallMs: 60_000 } as const;

const MAX_HEADER_BYTES = 16 * 1024;
const MAX_REDIRECTS = 3;
const IDLE_MS = 15_000;
const SOCKETS = 2;

/** Asks servers for debug files: one GET, and what comes back is trusted in nothing. */
export class DebuginfodClient {
  readonly #plain = new PlainAgent({ keepAlive: true, maxSockets: SOCKETS, timeout: IDLE_MS });
  readonly #tls = new TlsAgent({ keepAlive: true, maxSockets: SOCKETS, timeout: IDLE_MS });
  readonly #lookup = sharedLookup();

  constructor(private readonly limits: ClientLimits) {}

  /** Rejects with {@link NotKept} where the sink does, and with the signal's reason when that aborts; with nothing else. */
  async get(server: DebuginfodServer, buildId: string, sink: DebugFileSink, signal: AbortSignal): Promise<Answer> {
    const { limits } = this;
    const first = new URL(`${originOf(server.address)}${server.address.basePath}/buildid/${buildId}/debuginfo`);
    const watch = new Watch(signal, limits.totalMs);
    let isComing = false;
    try {
      let url = first;
      for (let redirects = 0; ; redirects++) {
        const response = await this.#ask(url, server, isSameOrigin(url, first), watch);
        const { statusCode: status = 0, headers } = response;
        if (status === 200) {
          isComing = true;
          watch.allow(limits.stallMs);
          await readBody(response, sink, limits.fileBytes, watch);
          return { kind: "complete" };
        }
        await discardBody(response);
        if (![301, 302, 303, 307, 308].includes(status)) return judge(status, headers["retry-after"], server);
        const target = redirects < MAX_REDIRECTS ? redirectTarget(url, headers.location) : undefined;
        if (target === undefined) {
          const detail = `${server.shown} redirects too often, or to where nothing is asked for (${status}); name the right server.`;
          return { kind: "refused", result: "redirected", detail };
        }
        url = target;
      }
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof NotKept) throw error;
      if (error instanceof WrongBody) {
        return { kind: "refused", result: error.result, detail: `${server.shown} ${error.message}` };
      }
      const failure = watch.timedOut
        ? new TransportFailure(
            "timeout",
            `${server.shown} is too slow (no ${watch.awaited}); check the network policy.`,
          )
        : transportFailureOf(error, server.address);
      return { kind: isComing ? "broken" : "away", result: failure.reason, detail: failure.message };
    } finally {
      watch.close();
    }
  }

  close(): void {
    this.#plain.destroy();
    this.#tls.destroy();
  }

  /** A kept connection that the server had closed by then is replaced once: nothing was read from it. */
  async #ask(url: URL, server: DebuginfodServer, isItself: boolean, watch: Watch): Promise<IncomingMessage> {
    // Who redirects to somebody else has not given him the password.
    const authorization = isItself ? await server.authorization?.read() : undefined;
    const headers = {
      "user-agent": USER_AGENT,
      accept: "application/octet-stream",
      "accept-encoding": "gzip",
      ...(authorization === undefined ? {} : { authorization }),
    };
    const attempt = { reused: false };
    try {
      return await this.#open(url, headers, watch, attempt);
    } catch (error) {
      if (!attempt.reused || watch.signal.aborted) throw error;
      return this.#open(url, headers, watch, attempt);
    }
  }

  #open(
    url: URL,
    headers: Readonly<Record<string, string>>,
    watch: Watch,
    attempt: { reused: boolean },
  ): Promise<IncomingMessage> {
    const isTls = url.protocol === "https:";
    watch.allow(this.limits.connectMs, "connection");
    return new Promise((resolve, reject) => {
      const request = (isTls ? tlsRequest : plainRequest)(url, {
        agent: isTls ? this.#tls : this.#plain,
        lookup: this.#lookup,
        maxHeaderSize: MAX_HEADER_BYTES,
        signal: watch.signal,
        headers,
      });
      request.on("finish", () => {
        watch.allow(this.limits.answerMs, "answer");
      });
      request.on("error", (error) => {
        attempt.reused = request.reusedSocket;
        reject(error);
      });
      request.on("response", resolve);
      request.end();
    });
  }
}

/** What anything but 200 and a redirect means. */
function judge(status: number, retryAfter: string | undefined, { shown }: DebuginfodServer): Answer {
  if (status === 404 || status === 410) return { kind: "missing" };
  const detail = `${shown} answers ${status}`;
  const afterMs = retryAfterMs(retryAfter, Date.now());
  const asked = afterMs === undefined ? {} : { afterMs };
  if (status === 408 || status === 429) {
    return { kind: "away", result: "throttled", detail: `${detail}; it is asked again later.`, ...asked };
  }
  if (status >= 500) {
    return { kind: "away", result: "server-error", detail: `${detail}; it is asked again later.`, ...asked };
  }
  if ([401, 403, 407].includes(status)) {
    return { kind: "away", result: "unauthorized", detail: `${detail}; correct the user and password in its URL.` };
  }
  return { kind: "refused", result: "rejected", detail: `${detail}; check that it is a debuginfod server.` };
}
