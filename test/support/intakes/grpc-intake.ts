import { createSecureServer, createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { frameOf } from "#src/grpc/messages.js";
import { MessageWriter } from "#src/protobuf/writer.js";
import type { Received, Reply, StubIntake } from "./stub.js";

/** An intake that speaks gRPC: keeps what it gets, and answers as it is told. */
export async function openGrpcIntake(tls?: { readonly key: string; readonly cert: string }): Promise<StubIntake> {
  const received: Received[] = [];
  const connections = new Set<Socket>();
  let reply: Reply = { kind: "good" };
  const server = tls === undefined ? createServer() : createSecureServer(tls);
  server.on("stream", (stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on("error", () => {});
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      const plain = headers as Received["headers"];
      received.push({ method: plain[":method"], path: plain[":path"], headers: plain, body: Buffer.concat(chunks) });
      answer(stream, headers, reply, () => stream.session?.destroy());
    });
  });
  server.on("sessionError", () => {});
  server.on("connection", (connection: Socket) => {
    connections.add(connection);
    connection.on("error", () => {});
    connection.on("close", () => connections.delete(connection));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    get connections() {
      return connections.size;
    },
    answer: (wanted) => {
      reply = wanted;
    },
    drop: () => {
      for (const connection of connections) connection.destroy();
    },
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const connection of connections) connection.destroy();
      await closed;
    },
  };
}

const STATUS = { bad: 3, unauthorized: 16, tooLarge: 8, broken: 14 } as const;
const HEADERS = { ":status": 200, "content-type": "application/grpc" } as const;

function answer(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, reply: Reply, disconnect: () => void): void {
  const fail = (status: number, message: string, more: Readonly<Record<string, string>> = {}): void => {
    stream.respond(
      { ...HEADERS, "grpc-status": String(status), "grpc-message": encodeURIComponent(message), ...more },
      { endStream: true },
    );
  };
  switch (reply.kind) {
    case "silent":
      return;
    case "reset":
      stream.close(2);
      return;
    case "close":
      disconnect();
      return;
    case "garbage":
      stream.respond(HEADERS);
      stream.end("this is no message");
      return;
    case "half": {
      stream.respond(HEADERS);
      stream.end(frameOf(Buffer.alloc(100)).subarray(0, 50));
      return;
    }
    case "huge": {
      const frame = frameOf(Buffer.alloc(16));
      frame.writeUInt32BE(0xffff_ffff, 1);
      stream.respond(HEADERS);
      stream.end(frame);
      return;
    }
    case "echo":
      fail(3, `you sent ${JSON.stringify(headers)}`);
      return;
    case "busy":
      fail(8, "quota", { "grpc-status-details-bin": retryInfo(reply.afterMs) });
      return;
    case "http":
      stream.respond({ ":status": reply.status, ...reply.headers });
      stream.end(reply.body ?? "");
      return;
    case "early":
      fail(8, "message larger than max");
      return;
    case "good":
      stream.respond(HEADERS, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end(frameOf(Buffer.alloc(0)));
      return;
    default:
      fail(STATUS[reply.kind], "no");
  }
}

/** google.rpc.Status with a google.rpc.RetryInfo, as headers carry it. */
function retryInfo(afterMs: number): string {
  const delay = new MessageWriter().varint(1, Math.floor(afterMs / 1000)).varint(2, (afterMs % 1000) * 1_000_000);
  const info = new MessageWriter().message(1, delay);
  const any = new MessageWriter().text(1, "type.googleapis.com/google.rpc.RetryInfo").message(2, info);
  const status = new MessageWriter().varint(1, 8).text(2, "quota").message(3, any);
  return Buffer.from(status.finish()).toString("base64");
}
