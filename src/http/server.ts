import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import type { ListenAddress } from "../model/agent-options.js";

export interface HttpRequest {
  /** As it was sent, without the query. */
  readonly path: string;
  /** What follows the "?"; "" where nothing does. */
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
  /** Aborts when whoever asked is gone before the answer. */
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Uint8Array;
  /** Beside those that every answer has, or in place of them; names in lower case. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

export type HttpRoute = (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>;

/** Answers of GET by path, "/metrics". A path that ends in a slash stands for all below it that have no route of their own. */
export type HttpRoutes = Readonly<Record<string, HttpRoute>>;

export interface HttpServerOptions {
  readonly listen: ListenAddress;
  readonly routes: HttpRoutes;
  /** Asked before anything else is said: its answer, where it has one, is the answer. */
  readonly gate?: (request: HttpRequest) => HttpAnswer | undefined | Promise<HttpAnswer | undefined>;
  /** A route threw. */
  readonly onFailure: (path: string, error: unknown) => void;
  /** An answer was found. Route: its path in the table, "" where there was none. Status 499: whoever asked had gone. */
  readonly onAnswer?: (route: string, status: number) => void;
  /** GET and HEAD unless told: where an answer takes minutes to make, nobody asks for its head. */
  readonly methods?: readonly string[];
  /** {@link MAX_CONNECTIONS} unless told; those beyond are closed without an answer. */
  readonly maxConnections?: number;
}

export interface HttpServer {
  /** Where it really listens: "127.0.0.1:9177". */
  readonly address: string;
  close(): Promise<void>;
}

/** A scrape sends some 500 bytes of headers. */
const MAX_HEADER_BYTES = 8 << 10;
/** Scrapers and probes keep one each. */
const MAX_CONNECTIONS = 64;
/** A whole request, which has no body, must be here by then. */
const REQUEST_TIMEOUT_MS = 5000;
/** Longer than most scrape intervals: Prometheus keeps its connection. */
const KEEP_ALIVE_MS = 65_000;
/** A reader that takes nothing for so long is let go; an answer may take longer to be found. */
const IDLE_SOCKET_MS = 70_000;
/** A machine that is gone without a word is asked for so soon. */
const PROBE_MS = 15_000;
const METHODS = ["GET", "HEAD"];
/** What stands for an answer's status where nobody was left to read it. */
const GONE = 499;
const TEXT = "text/plain; charset=utf-8";

/** No browser runs, frames, embeds or guesses at what is answered here, nor tells others where it was. */
const COMMON_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** Listens, or rejects with the system's error (EADDRINUSE, EACCES). */
export async function openHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: REQUEST_TIMEOUT_MS,
      keepAlive: true,
      keepAliveInitialDelay: PROBE_MS,
    },
    (request, response) => {
      const gone = new AbortController();
      response.once("close", () => {
        gone.abort();
      });
      // Whoever has asked waits for as long as the answer takes; from then on it is the reader's turn.
      request.socket.setTimeout(0);
      void answer(request, gone.signal, options).then((found) => {
        request.socket.setTimeout(IDLE_SOCKET_MS);
        send(request, response, found);
      });
    },
  );
  server.maxConnections = options.maxConnections ?? MAX_CONNECTIONS;
  server.setTimeout(IDLE_SOCKET_MS);
  await listening(server, options.listen);
  return {
    address: addressText(server.address() as AddressInfo),
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

async function answer(
  { method, url = "", headers }: IncomingMessage,
  signal: AbortSignal,
  options: HttpServerOptions,
): Promise<HttpAnswer> {
  const { routes, onFailure, onAnswer } = options;
  const mark = url.indexOf("?");
  const path = mark < 0 ? url : url.slice(0, mark);
  const request: HttpRequest = { path, query: mark < 0 ? "" : url.slice(mark + 1), headers, signal };
  const route = routeOf(path, routes);
  const found = await answerOf(request, method ?? "", route, options).catch((error: unknown) => {
    onFailure(path, error);
    return { status: 500, contentType: TEXT, body: "It failed; the log says why.\n" };
  });
  onAnswer?.(route ?? "", signal.aborted ? GONE : found.status);
  return found;
}

async function answerOf(
  request: HttpRequest,
  method: string,
  route: string | undefined,
  { routes, gate, methods = METHODS }: HttpServerOptions,
): Promise<HttpAnswer> {
  const refusal = await gate?.(request);
  if (refusal !== undefined) {
    return refusal;
  }
  if (route === undefined) {
    const there = Object.keys(routes).join(", ");
    return { status: 404, contentType: TEXT, body: `There is ${there} here, and nothing else.\n` };
  }
  if (!methods.includes(method)) {
    const body = `Here is an answer to ${methods.join(" and ")} only.\n`;
    return { status: 405, contentType: TEXT, body, headers: { allow: methods.join(", ") } };
  }
  return routes[route](request);
}

/** The path itself, or the nearest folder above it that has a route. */
function routeOf(path: string, routes: HttpRoutes): string | undefined {
  if (Object.hasOwn(routes, path)) return path;
  for (let end = path.lastIndexOf("/"); end >= 0; end = end === 0 ? -1 : path.lastIndexOf("/", end - 1)) {
    const folder = path.slice(0, end + 1);
    if (folder !== path && Object.hasOwn(routes, folder)) return folder;
  }
  return undefined;
}

function send(request: IncomingMessage, response: ServerResponse, found: HttpAnswer): void {
  const { status, contentType, body } = found;
  const headers: Record<string, string | number | readonly string[]> = {
    ...{ "content-type": contentType, "content-length": Buffer.byteLength(body) },
    ...COMMON_HEADERS,
    ...found.headers,
  };
  // A body that nobody asked for is not read: the connection ends with the answer.
  if (hasBody(request)) headers["connection"] = "close";
  response.writeHead(status, headers as Record<string, string | number | string[]>);
  response.end(request.method === "HEAD" ? undefined : body);
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
}

function listening(server: Server, { host, port }: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      // An accept that fails (EMFILE) is one connection that is not answered.
      server.on("error", () => undefined);
      resolve();
    });
  });
}

function addressText({ address, port, family }: AddressInfo): string {
  return family === "IPv6" ? `[${address}]:${port}` : `${address}:${port}`;
}
