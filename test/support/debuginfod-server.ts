import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";

/** What a server does with a request; the number is how many came before. */
export type Script = (request: IncomingMessage, response: ServerResponse, before: number) => void;

export interface ScriptedServer {
  readonly url: string;
  readonly port: number;
  /** Paths asked for, in order. */
  readonly asked: readonly string[];
  /** Headers of those requests. */
  readonly headers: readonly IncomingMessage["headers"][];
  script: Script;
  close(): Promise<void>;
}

export interface ScriptedServerOptions {
  readonly script: Script;
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** A debuginfod server that does as it is told, right or wrong. */
export async function openScriptedServer({ script, tls }: ScriptedServerOptions): Promise<ScriptedServer> {
  const asked: string[] = [];
  const headers: IncomingMessage["headers"][] = [];
  const connections = new Set<Socket>();
  const scripted = { script };
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    headers.push(request.headers);
    scripted.script(request, response, asked.push(request.url ?? "") - 1);
  };
  const server = tls === undefined ? createServer(onRequest) : createTlsServer(tls, onRequest);
  server.on("connection", (connection: Socket) => {
    connections.add(connection);
    connection.on("error", () => undefined);
    connection.on("close", () => connections.delete(connection));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    ...{ url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`, port, asked, headers },
    get script() {
      return scripted.script;
    },
    set script(next) {
      scripted.script = next;
    },
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const connection of connections) connection.destroy();
      await closed;
    },
  };
}

/** Answers with the file of the build ID in the path, or 404. */
export function servesFiles(files: ReadonlyMap<string, Uint8Array>): Script {
  return (request, response) => {
    const buildId = /^\/buildid\/([0-9a-f]+)\/debuginfo$/.exec(request.url ?? "")?.[1] ?? "";
    const file = files.get(buildId);
    if (file === undefined) {
      response.writeHead(404).end("not found\n");
      return;
    }
    response.writeHead(200, { "content-length": file.byteLength, "x-debuginfod-size": file.byteLength }).end(file);
  };
}
