import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { ClusterAccess } from "#src/kubernetes/cluster-access.js";

/** What a request asked for, as a test wants to see it. */
export interface SeenRequest {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly authorization: string | undefined;
}

export type Answer = (response: ServerResponse, request: SeenRequest) => void;

/** An API server that answers what its script says, request by request, and the last line of the script for ever. */
export class FakeApiServer {
  readonly requests: SeenRequest[] = [];
  readonly #script: readonly Answer[];
  readonly #server = createServer((request, response) => this.#answer(request, response));

  private constructor(script: readonly Answer[]) {
    this.#script = script;
  }

  static async start(...script: readonly Answer[]): Promise<FakeApiServer> {
    const fake = new FakeApiServer(script);
    fake.#server.listen(0, "127.0.0.1");
    await once(fake.#server, "listening");
    return fake;
  }

  get access(): ClusterAccess {
    const { port } = this.#server.address() as AddressInfo;
    return {
      endpoint: () => Promise.resolve({ server: new URL(`http://127.0.0.1:${port}`), headers: {}, options: {} }),
    };
  }

  /** The requests so far, each as "list VERSION" or "watch VERSION". */
  get asked(): readonly string[] {
    return this.requests.map(({ query }) =>
      query["watch"] === "1"
        ? `watch ${query["resourceVersion"]}`
        : `list ${query["continue"] ?? (query["resourceVersion"] || "latest")}`,
    );
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://fake");
    const seen = {
      path: pathname,
      query: Object.fromEntries(searchParams),
      authorization: request.headers.authorization,
    };
    this.requests.push(seen);
    const answer = this.#script[Math.min(this.requests.length, this.#script.length) - 1];
    answer(response, seen);
  }
}

/** A list of pods. */
export function list(resourceVersion: string, pods: readonly object[], continueToken?: string): Answer {
  return (response) => {
    const metadata = { resourceVersion, ...(continueToken === undefined ? {} : { continue: continueToken }) };
    response.end(JSON.stringify({ kind: "PodList", apiVersion: "v1", metadata, items: pods }));
  };
}

/** A watch that gives these events, and stays open. */
export function watch(...events: readonly unknown[]): Answer {
  return (response) => {
    response.flushHeaders();
    for (const event of events) response.write(`${JSON.stringify(event)}\n`);
  };
}

/** A watch that gives this text, and ends as the API server's do when their time is up. */
export function watchText(text: string): Answer {
  return (response) => void response.end(text);
}

/** An error as the API server makes it. */
export function status(code: number, message: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return (response) => {
    response.writeHead(code, headers);
    response.end(JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", message, code }));
  };
}

/** An error within a watch. */
export function errorEvent(code: number, message: string): unknown {
  return { type: "ERROR", object: { kind: "Status", status: "Failure", message, code } };
}
