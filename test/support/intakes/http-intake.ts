import { createServer as createPlain, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTls } from "node:https";
import type { AddressInfo, Server, Socket } from "node:net";
import type { Received, Reply, StubIntake } from "./stub.js";

export interface HttpIntakeOptions {
  /** A path of a Unix socket; a free port of 127.0.0.1 unless told. */
  readonly socket?: string;
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** An intake that speaks HTTP: keeps what it gets, and answers as it is told. */
export async function openHttpIntake({ socket, tls }: HttpIntakeOptions = {}): Promise<StubIntake> {
  const received: Received[] = [];
  const connections = new Set<Socket>();
  const intake = { reply: { kind: "good" } as Reply };
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = [];
    if (intake.reply.kind === "early") {
      answer(response, { kind: "early" }, request.headers);
      return;
    }
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      received.push({ method, path: url, headers: headers as Received["headers"], body: Buffer.concat(chunks) });
      answer(response, intake.reply, headers);
    });
  };
  const server: Server = tls === undefined ? createPlain(onRequest) : createTls(tls, onRequest);
  server.on("connection", (connection: Socket) => {
    connections.add(connection);
    connection.on("error", () => {});
    connection.on("close", () => connections.delete(connection));
  });
  await new Promise<void>((resolve) =>
    socket === undefined ? server.listen(0, "127.0.0.1", resolve) : server.listen(socket, resolve),
  );
  const url =
    socket === undefined
      ? `${tls === undefined ? "http" : "https"}://127.0.0.1:${(server.address() as AddressInfo).port}`
      : `unix://${socket}`;
  return {
    url,
    received,
    get connections() {
      return connections.size;
    },
    answer: (reply) => {
      intake.reply = reply;
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

const STATUS = { good: 200, bad: 400, unauthorized: 401, tooLarge: 413, broken: 503 } as const;

function answer(response: ServerResponse, reply: Reply, headers: IncomingMessage["headers"]): void {
  const socket = response.socket;
  switch (reply.kind) {
    case "silent":
      return;
    case "reset":
      // A Unix socket knows no reset.
      if (socket?.remoteFamily === undefined) socket?.destroy();
      else socket.resetAndDestroy();
      return;
    case "close":
      socket?.end();
      return;
    case "garbage":
      socket?.end("\u0000\u0001 this is not HTTP\r\n\r\n");
      return;
    case "half":
      socket?.end("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf");
      return;
    case "huge":
      response.writeHead(200);
      pour(response);
      return;
    case "early":
      response.writeHead(413, { connection: "close" }).end("too large");
      return;
    case "echo":
      response.writeHead(400).end(`you sent ${JSON.stringify(headers)}`);
      return;
    case "busy":
      response.writeHead(429, { "retry-after": String(reply.afterMs / 1000) }).end();
      return;
    case "http":
      response.writeHead(reply.status, reply.headers).end(reply.body ?? "");
      return;
    default:
      response.writeHead(STATUS[reply.kind]).end("");
  }
}

/** Without end, as fast as it is taken. */
function pour(response: ServerResponse): void {
  const block = Buffer.alloc(65_536, "x");
  const more = (): void => {
    while (!response.destroyed && response.write(block));
  };
  response.on("drain", more);
  more();
}
