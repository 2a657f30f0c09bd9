import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { SocketListener, type Misbehaviour, type RuntimeServer, type Wanted } from "./server.js";

/** Docker's interface, as far as it is asked; `api` is the range of versions that it knows. */
export class DockerServer implements RuntimeServer {
  readonly questions = new Map<string, number>();
  readonly containers = new Map<string, Wanted>();
  /** The version in the path of the last question, "" where it had none. */
  lastApi = "";
  private readonly listener: SocketListener;
  private readonly subscribers = new Set<ServerResponse>();
  private misbehaviour: Misbehaviour | undefined;

  constructor(
    socket: string,
    private readonly api: { readonly newest: string; readonly oldest: string } = { newest: "1.41", oldest: "1.12" },
  ) {
    const server = createServer((request, response) => this.answer(request, response));
    server.on("clientError", (_error, connection) => connection.destroy());
    this.listener = new SocketListener(server, socket);
  }

  get socket(): string {
    return this.listener.socket;
  }

  add(wanted: Wanted): void {
    this.containers.set(wanted.id, wanted);
    const event = { Type: "container", Action: "create", Actor: { ID: wanted.id, Attributes: {} }, time: 1 };
    for (const response of this.subscribers) response.write(`${JSON.stringify(event)}\n`);
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

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? "/", "http://localhost");
    const [, api = "", path] = /^(?:\/v([\d.]+))?(\/.*)$/.exec(url.pathname) ?? [];
    if (path !== "/version") this.lastApi = api;
    const question = path.replace(/[0-9a-f]{64}/, "ID");
    this.questions.set(question, (this.questions.get(question) ?? 0) + 1);
    response.on("error", () => {});
    if (this.misbehaviour !== undefined) return misbehave(response, this.misbehaviour);
    const id = /^\/containers\/([^/]+)\/json$/.exec(path)?.[1];
    if (path === "/version") {
      const { newest, oldest } = this.api;
      return json(response, {
        Version: "20.10.24",
        ApiVersion: newest,
        MinAPIVersion: oldest,
        Components: [{ Name: "Engine" }],
      });
    }
    if (path === "/containers/json") return json(response, [...this.containers.values()].map(entryOf));
    if (path === "/events") {
      response.writeHead(200, { "content-type": "application/json" }).flushHeaders();
      this.subscribers.add(response);
      response.on("close", () => this.subscribers.delete(response));
      return;
    }
    const wanted = id === undefined ? undefined : this.containers.get(id);
    if (wanted === undefined) return json(response, { message: "No such container" }, 404);
    return json(response, inspectionOf(wanted));
  }
}

function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

function entryOf({ id, name, image, labels, sandbox }: Wanted): unknown {
  const kind = { "io.kubernetes.docker.type": sandbox ? "podsandbox" : "container" };
  const named = sandbox || name === "" ? {} : { "io.kubernetes.container.name": name };
  return { Id: id, Names: [`/${name}`], Image: image, Labels: { ...labels, ...kind, ...named }, State: "running" };
}

function inspectionOf(wanted: Wanted): unknown {
  const { Labels: labels } = entryOf(wanted) as { readonly Labels: unknown };
  const { id, name, image, environment } = wanted;
  return { Id: id, Name: `/${name}`, Config: { Image: image, Labels: labels, Env: environment }, State: { Pid: 7 } };
}

function misbehave(response: ServerResponse, how: Misbehaviour): void {
  switch (how) {
    case "silent":
      return;
    case "reset":
      return void response.socket?.destroy();
    case "huge": {
      response.writeHead(200, { "content-type": "application/json" });
      const block = Buffer.alloc(1024 * 1024, 0x20);
      const pump = () => {
        while (response.writable && response.write(block));
      };
      response.on("drain", pump);
      return pump();
    }
    case "truncated":
      response.writeHead(200, { "content-length": "1000" }).write('{"Id":"');
      return void setTimeout(() => response.socket?.destroy(), 10);
    case "garbage":
      return void response.socket?.end("\u0000\u0001not HTTP at all\r\n\r\n");
    case "wrong-types":
      return json(response, { Id: 7, Names: {}, Version: [], ApiVersion: null, Config: "x", __proto__: null });
    case "not-utf8":
      return void response.writeHead(200).end(Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]));
    case "error":
      return json(response, { message: "it broke" }, 500);
  }
}
