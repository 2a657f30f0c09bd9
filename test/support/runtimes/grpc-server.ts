import { createServer, type ServerHttp2Stream } from "node:http2";
import { frameOf } from "#src/grpc/messages.js";
import { MessageWriter } from "#src/protobuf/writer.js";
import { SocketListener, type Misbehaviour } from "./server.js";

/** One call as its handler sees it. */
export interface Call {
  readonly headers: Readonly<Record<string, string>>;
  readonly request: Uint8Array;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  send(message: Uint8Array): void;
  end(status?: number, message?: string): void;
  /** Bytes that need be no frame. */
  sendRaw(bytes: Uint8Array): void;
  reset(): void;
}

/** A gRPC server of a few methods, by the path of each. Others are UNIMPLEMENTED. */
export class GrpcServer {
  readonly questions = new Map<string, number>();
  private readonly listener: SocketListener;
  private misbehaviour: Misbehaviour | undefined;

  constructor(
    socket: string,
    private readonly methods: Readonly<Record<string, (call: Call) => void>>,
  ) {
    const server = createServer();
    server.on("stream", (stream, headers) => {
      const chunks: Buffer[] = [];
      stream.on("error", () => {});
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => this.answer(stream, headers as Readonly<Record<string, string>>, Buffer.concat(chunks)));
    });
    server.on("sessionError", () => {});
    this.listener = new SocketListener(server, socket);
  }

  get socket(): string {
    return this.listener.socket;
  }

  misbehave(how: Misbehaviour | undefined): void {
    this.misbehaviour = how;
  }

  start(): Promise<void> {
    return this.listener.start();
  }

  stop(): Promise<void> {
    return this.listener.stop();
  }

  private answer(stream: ServerHttp2Stream, headers: Readonly<Record<string, string>>, body: Buffer): void {
    const method = headers[":path"];
    this.questions.set(method, (this.questions.get(method) ?? 0) + 1);
    const call = callOf(stream, headers, body.subarray(5));
    if (this.misbehaviour !== undefined) misbehave(call, this.misbehaviour);
    else if (Object.hasOwn(this.methods, method)) this.methods[method](call);
    else call.end(12, `unknown method ${method}`);
  }
}

function callOf(stream: ServerHttp2Stream, headers: Readonly<Record<string, string>>, request: Uint8Array): Call {
  const gone = new AbortController();
  stream.on("close", () => gone.abort());
  const sendRaw = (bytes: Uint8Array) => {
    if (stream.closed || stream.destroyed) return;
    if (!stream.headersSent) stream.respond({ "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.write(bytes);
  };
  return {
    headers,
    request,
    signal: gone.signal,
    sendRaw,
    send: (message) => sendRaw(frameOf(message)),
    end: (status = 0, message = "") => {
      if (stream.closed || stream.destroyed) return;
      const trailers = { "grpc-status": String(status), "grpc-message": encodeURIComponent(message) };
      if (!stream.headersSent) {
        stream.respond({ "content-type": "application/grpc", ...trailers }, { endStream: true });
        return;
      }
      stream.once("wantTrailers", () => stream.sendTrailers(trailers));
      stream.end();
    },
    reset: () => stream.close(2),
  };
}

function misbehave(call: Call, how: Misbehaviour): void {
  switch (how) {
    case "silent":
      return;
    case "reset":
      return call.reset();
    case "huge": {
      const frame = frameOf(new Uint8Array(16));
      frame.writeUInt32BE(0xffff_ffff, 1);
      call.sendRaw(frame);
      return;
    }
    case "truncated":
      call.sendRaw(frameOf(new MessageWriter().text(1, "cut").text(2, "cut").text(3, "cut").finish()).subarray(0, 9));
      return call.end();
    case "garbage":
      call.send(Buffer.from("ffffffffffffffffffffffff0a0b0c", "hex"));
      return call.end();
    case "wrong-types":
      call.send(new MessageWriter().varint(1, 7).varint(2, 7).varint(3, 7).finish());
      return call.end();
    case "not-utf8":
      call.send(wrongTexts());
      return call.end();
    case "error":
      return call.end(13, "it \u0007 broke\nin two lines");
  }
}

/** What is a container, a namespace or a version, and text in none of them. */
function wrongTexts(): Uint8Array {
  const bytes = Buffer.from([0xff, 0xfe, 0x80]);
  const inner = new MessageWriter().bytes(1, bytes).bytes(2, bytes).bytes(3, bytes);
  return new MessageWriter().message(1, inner).bytes(2, bytes).bytes(3, bytes).finish();
}
