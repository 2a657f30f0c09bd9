import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What the intake does with one request. */
export type IntakeAnswer =
  | { readonly status: number; readonly retryAfter?: string; readonly body?: string; readonly afterMs?: number }
  /** Reads the request, and never answers. */
  | "hang"
  /** Reads the request, and cuts the connection. */
  | "reset"
  /** Cuts the connection before the body is read. */
  | "reset-early";

export interface ReceivedUpload {
  readonly id: string;
  readonly startNs: bigint;
  readonly path: string;
  readonly body: Buffer;
  /** What it was answered with. */
  readonly answer: IntakeAnswer;
}

const ACCEPTED: IntakeAnswer = { status: 202 };

/** An intake over real HTTP that does what it is told, and takes exception to a request that is not as it should be. */
export class ScriptedIntake {
  readonly received: ReceivedUpload[] = [];
  readonly objections: string[] = [];
  /** What comes next; then {@link always}. */
  readonly script: IntakeAnswer[] = [];
  always: IntakeAnswer = ACCEPTED;
  /** Requests that are held and never answered. */
  hanging = 0;
  #server: Server | undefined;
  #port = 0;

  static async start(): Promise<ScriptedIntake> {
    const intake = new ScriptedIntake();
    await intake.listen();
    return intake;
  }

  get address(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get accepted(): readonly ReceivedUpload[] {
    return this.received.filter(({ answer }) => typeof answer === "object" && answer.status < 300);
  }

  /** Listens, again on the same port. */
  async listen(): Promise<void> {
    const server = createServer((request, response) => {
      this.#take(request, response).catch((error: unknown) => {
        // The sender gave up in the middle of its body.
        if (!request.destroyed) this.objections.push(String(error));
      });
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#port, "127.0.0.1", resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Connections are refused from now on. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = this.script.shift() ?? this.always;
    if (answer === "reset-early") {
      request.socket.resetAndDestroy();
      return;
    }
    const parts: Buffer[] = [];
    for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
    const body = Buffer.concat(parts);
    this.#check(request, body);
    const id = String(request.headers["x-upload-id"]);
    const startNs = BigInt(String(request.headers["x-start-ns"]));
    this.received.push({ id, startNs, path: request.url ?? "", body, answer });
    if (answer === "reset") {
      request.socket.resetAndDestroy();
    } else if (answer === "hang") {
      this.hanging++;
      request.socket.once("close", () => this.hanging--);
    } else {
      const { status, retryAfter, body: text = "", afterMs = 0 } = answer;
      if (afterMs > 0) await new Promise((resolve) => setTimeout(resolve, afterMs));
      response.writeHead(status, retryAfter === undefined ? {} : { "retry-after": retryAfter });
      response.end(text);
    }
  }

  #check({ method, headers }: IncomingMessage, body: Buffer): void {
    if (method !== "POST") this.objections.push(`method ${method}`);
    if (headers["content-length"] !== String(body.byteLength)) {
      this.objections.push(`content-length ${headers["content-length"]} of ${body.byteLength} bytes`);
    }
    if (headers["content-type"] !== "application/octet-stream") this.objections.push("content-type lost");
  }
}
