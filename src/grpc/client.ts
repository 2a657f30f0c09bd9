import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import { connect as connectSocket, type LookupFunction } from "node:net";
import type { ConnectionOptions } from "node:tls";
import { errnoOf } from "../util/errno.js";
import { frameOf, MessageAssembler } from "./messages.js";
import { GRPC_STATUS, GrpcError, statusOf } from "./status.js";

const DEFAULT_MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

export interface GrpcClientOptions {
  /** An answer that is longer fails its call. */
  readonly maxMessageBytes?: number;
}

/** A server that is reached over the network. */
export interface GrpcServerAddress {
  /** "http://host:port" in the clear, "https://host:port" over TLS. */
  readonly origin: string;
  readonly tls?: Pick<ConnectionOptions, "ca" | "rejectUnauthorized">;
  /** How its name is looked up; by the system's resolver, each time anew, unless told. */
  readonly lookup?: LookupFunction;
}

export interface CallOptions {
  /** Milliseconds from the call to its end; without it only `signal` ends a call that the server does not. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Metadata: lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The request is gzip, and the header "grpc-encoding" says so; the answer may be. */
  readonly compressed?: boolean;
}

/** Calls to one server, at a Unix socket or over the network, over one connection at a time. Failed calls reject with GrpcError. */
export class GrpcClient {
  private connection: Connection | undefined;
  private readonly maxMessageBytes: number;

  constructor(
    /** The path of its socket, or where it is on the network. */
    private readonly server: string | GrpcServerAddress,
    { maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES }: GrpcClientOptions = {},
  ) {
    this.maxMessageBytes = maxMessageBytes;
  }

  /** One question, one answer. `method` is "/package.Service/Method". */
  async unary(method: string, request: Uint8Array, options: CallOptions): Promise<Uint8Array> {
    let answer: Uint8Array | undefined;
    await this.stream(method, request, options, (message) => {
      if (answer !== undefined) throw new GrpcError(GRPC_STATUS.internal, "two answers came to one question");
      answer = message;
    });
    if (answer === undefined) throw new GrpcError(GRPC_STATUS.internal, "no answer came, and no error");
    return answer;
  }

  /**
   * One question and any number of answers, each handed to `onMessage` as it comes; one that throws ends the call.
   * Resolves when the server ends the stream well. Rejects when it does not, at the deadline, and on the signal.
   */
  stream(
    method: string,
    request: Uint8Array,
    { timeoutMs, signal, headers = {}, compressed = false }: CallOptions,
    onMessage: (message: Uint8Array) => void,
  ): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(new GrpcError(GRPC_STATUS.unavailable, "the call was aborted"));
    const connection = this.connected();
    let stream: ClientHttp2Stream;
    try {
      stream = connection.session.request({
        ":method": "POST",
        ":path": method,
        "content-type": "application/grpc",
        te: "trailers",
        ...(timeoutMs === undefined ? {} : { "grpc-timeout": `${Math.max(1, Math.round(timeoutMs))}m` }),
        ...headers,
      });
    } catch (error) {
      return Promise.reject(connectionError(error, this.shown));
    }
    return new Promise((resolve, reject) => {
      const assembler = new MessageAssembler(this.maxMessageBytes, compressed);
      let status: ReturnType<typeof statusOf>;
      let failure: Error | undefined;
      /** The stream's "close" follows, and it ends the call. */
      const fail = (error: Error) => {
        failure ??= error;
        stream.close(constants.NGHTTP2_CANCEL);
      };
      const timer =
        timeoutMs === undefined
          ? undefined
          : setTimeout(() => {
              fail(new GrpcError(GRPC_STATUS.deadlineExceeded, `no answer within ${timeoutMs} ms`));
              // A connection that never came to be closes no stream of its own.
              if (connection.session.connecting) connection.session.destroy();
            }, timeoutMs);
      const onAbort = () => fail(new GrpcError(GRPC_STATUS.unavailable, "the call was aborted"));
      signal?.addEventListener("abort", onAbort, { once: true });
      stream.on("response", (response) => {
        status ??= statusOf(response);
        const httpStatus = response[":status"];
        if (httpStatus !== 200) {
          fail(new GrpcError(GRPC_STATUS.unknown, `the server answers HTTP ${httpStatus ?? "?"}`));
        }
      });
      stream.on("trailers", (trailers) => {
        status ??= statusOf(trailers as Readonly<Record<string, string>>);
      });
      stream.on("data", (chunk: Buffer) => {
        if (failure !== undefined) return;
        try {
          assembler.push(chunk, onMessage);
        } catch (error) {
          fail(error instanceof Error ? error : new Error(String(error)));
        }
      });
      stream.on("error", (error) => {
        failure ??= connectionError(connection.error ?? error, this.shown);
      });
      stream.on("close", () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        if (failure !== undefined) reject(failure);
        else if (status === undefined) reject(connectionError(connection.error, this.shown));
        else if (status.code !== GRPC_STATUS.ok) reject(new GrpcError(status.code, status.message, "", status.details));
        else if (!assembler.empty) reject(new GrpcError(GRPC_STATUS.internal, "the answer ends within a message"));
        else resolve();
      });
      stream.end(frameOf(request, compressed));
    });
  }

  /** Ends the connection and what is under way on it; the next call makes another. */
  disconnect(): void {
    this.connection?.session.destroy();
    this.connection = undefined;
  }

  private get shown(): string {
    return typeof this.server === "string" ? this.server : this.server.origin;
  }

  private connected(): Connection {
    const { connection } = this;
    if (connection !== undefined && !connection.session.closed && !connection.session.destroyed) return connection;
    const { server } = this;
    const session =
      typeof server === "string"
        ? connect("http://localhost", { createConnection: () => connectSocket(server) })
        : connect(server.origin, {
            ...server.tls,
            ...(server.lookup === undefined ? {} : { lookup: server.lookup }),
          });
    const made: Connection = { session, error: undefined };
    // Each call hears of it by its own stream.
    session.on("error", (error) => {
      made.error ??= error;
    });
    session.on("goaway", () => {
      if (this.connection === made) this.connection = undefined;
    });
    session.on("close", () => {
      if (this.connection === made) this.connection = undefined;
    });
    this.connection = made;
    return made;
  }
}

interface Connection {
  readonly session: ClientHttp2Session;
  error: unknown;
}

function connectionError(error: unknown, server: string): GrpcError {
  if (error instanceof GrpcError) return error;
  // A stream that waits for its connection says that it was cancelled, and by what.
  const reason = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const detail = reason instanceof Error ? reason.message : "the connection was lost";
  return new GrpcError(GRPC_STATUS.unavailable, `${server}: ${detail}`, errnoOf(reason) || "ECONNRESET");
}
