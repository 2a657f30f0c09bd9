import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { ListenAddress } from "../model/agent-options.js";

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** Answers of GET by path, "/metrics". */
export type HttpRoutes = Readonly<Record<string, () => HttpAnswer | Promise<HttpAnswer>>>;

export interface HttpServerOptions {
  readonly listen: ListenAddress;
  readonly routes: HttpRoutes;
  /** A route threw. */
  readonly onFailure: (path: string, error: unknown) => void;
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
/** A reader that takes nothing for so long is let go. */
const IDLE_SOCKET_MS = 70_000;
const TEXT = "text/plain; charset=utf-8";

/** Listens, or rejects with the system's error (EADDRINUSE, EACCES). */
export async function openHttpServer({ listen, routes, onFailure }: HttpServerOptions): Promise<HttpServer> {
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: REQUEST_TIMEOUT_MS,
    },
    (request, response) => {
      void answer(request, routes, onFailure).then((found) => {
        send(request, response, found);
      });
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.setTimeout(IDLE_SOCKET_MS);
  await listening(server, listen);
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
  { method, url = "" }: IncomingMessage,
  routes: HttpRoutes,
  onFailure: HttpServerOptions["onFailure"],
): Promise<HttpAnswer> {
  const path = url.split("?", 1)[0];
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (route === undefined) {
    return {
      status: 404,
      contentType: TEXT,
      body: `There is ${Object.keys(routes).join(", ")} here, and nothing else.\n`,
    };
  }
  if (method !== "GET" && method !== "HEAD") {
    return { status: 405, contentType: TEXT, body: "Only GET and HEAD are answered.\n" };
  }
  try {
    return await route();
  } catch (error) {
    onFailure(path, error);
    return { status: 500, contentType: TEXT, body: "It failed; the log says why.\n" };
  }
}

function send(request: IncomingMessage, response: ServerResponse, { status, contentType, body }: HttpAnswer): void {
  const headers: Record<string, string | number> = {
    "content-type": contentType,
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  };
  if (status === 405) headers["allow"] = "GET, HEAD";
  // A body that nobody asked for is not read: the connection ends with the answer.
  if (hasBody(request)) headers["connection"] = "close";
  response.writeHead(status, headers);
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
