import {
  Agent as PlainAgent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as plainRequest,
} from "node:http";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";
import { TOOL_NAME, TOOL_VERSION } from "../../model/tool.js";
import { sharedLookup } from "../../util/shared-lookup.js";
import { type IntakeAddress, shownAddress } from "../options/address.js";
import { TransportFailure, transportFailureOf } from "./failure.js";

export interface TransportOptions {
  readonly address: IntakeAddress;
  /** Certificates in PEM that are trusted instead of the system's; undefined: the system's. */
  readonly ca: string | undefined;
  /** Any certificate is taken. */
  readonly insecure: boolean;
  /** One try, from the connection to the end of the answer. */
  readonly timeoutMs: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The first {@link MAX_ANSWER_BYTES} of it. */
  readonly body: Uint8Array;
}

const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_HEADER_BYTES = 16 * 1024;
/** Uploads of a window follow each other at once; until the next window some intakes' proxies close, just as we would send. */
const IDLE_MS = 15_000;
const SOCKETS = 4;
export const USER_AGENT = `${TOOL_NAME}/${TOOL_VERSION}`;

/** POST over HTTP/1.1, plain, over TLS or a Unix socket. Redirects are answers like any other: nothing is sent elsewhere. */
export class HttpTransport {
  private readonly agent: PlainAgent;
  private readonly lookup = sharedLookup();

  constructor(private readonly options: TransportOptions) {
    const { address, ca, insecure } = options;
    const shared = { keepAlive: true, maxSockets: SOCKETS, timeout: IDLE_MS };
    this.agent =
      address.kind === "tcp" && address.secure
        ? new TlsAgent({ ...shared, ...(ca === undefined ? {} : { ca }), rejectUnauthorized: !insecure })
        : new PlainAgent(shared);
  }

  /**
   * Rejects with TransportFailure where no answer came, and with the signal's reason when that aborts. A kept connection that the
   * intake had closed by then is replaced once: nothing was read from it.
   */
  async post(
    path: string,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array,
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    const attempt = { reused: false };
    const end = performance.now() + this.options.timeoutMs;
    try {
      return await this.once(path, headers, body, signal, end, attempt);
    } catch (error) {
      const wasStale = error instanceof TransportFailure && error.reason === "reset" && attempt.reused;
      if (!wasStale || signal.aborted) throw error;
      return await this.once(path, headers, body, signal, end, attempt);
    }
  }

  close(): void {
    this.agent.destroy();
  }

  private once(
    path: string,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array,
    signal: AbortSignal,
    end: number,
    attempt: { reused: boolean },
  ): Promise<HttpAnswer> {
    const { address, timeoutMs } = this.options;
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(reasonOf(signal));
        return;
      }
      const where =
        address.kind === "socket"
          ? { socketPath: address.path, host: "localhost" }
          : { host: address.host, port: address.port, lookup: this.lookup };
      const request = (address.kind === "tcp" && address.secure ? tlsRequest : plainRequest)({
        ...where,
        method: "POST",
        path: address.basePath + path,
        agent: this.agent,
        maxHeaderSize: MAX_HEADER_BYTES,
        headers: { "user-agent": USER_AGENT, ...headers, "content-length": body.byteLength },
      });
      const finish = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
      };
      const fail = (error: Error): void => {
        finish();
        reject(error);
        request.destroy();
      };
      const onAbort = (): void => {
        fail(reasonOf(signal));
      };
      const timer = setTimeout(
        () => {
          fail(new TransportFailure("timeout", `${shownAddress(address)} gave no answer within ${timeoutMs} ms.`));
        },
        Math.max(1, end - performance.now()),
      );
      signal.addEventListener("abort", onAbort, { once: true });
      request.on("error", (error) => {
        attempt.reused = request.reusedSocket;
        fail(transportFailureOf(error, address));
      });
      request.on("response", (response) => {
        readBounded(response).then(
          (answer) => {
            finish();
            resolve(answer);
          },
          (error: unknown) => {
            fail(transportFailureOf(error, address));
          },
        );
      });
      request.end(body);
    });
  }
}

async function readBounded(response: IncomingMessage): Promise<HttpAnswer> {
  const { statusCode: status = 0, headers } = response;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    // Leaving the loop destroys the connection: what an intake says in so many words is not waited for.
    if (bytes >= MAX_ANSWER_BYTES) break;
  }
  return { status, headers, body: Buffer.concat(chunks, bytes).subarray(0, MAX_ANSWER_BYTES) };
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error("aborted");
}
