import { rm } from "node:fs/promises";
import type { Server as NetServer, Socket } from "node:net";

/** How a server that is to be trusted in nothing answers. */
export const MISBEHAVIOURS = [
  "silent",
  "reset",
  "huge",
  "truncated",
  "garbage",
  "wrong-types",
  "not-utf8",
  "error",
] as const;
export type Misbehaviour = (typeof MISBEHAVIOURS)[number];

/** A container as a test wants it. */
export interface Wanted {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  /** "NAME=value" each. */
  readonly environment: readonly string[];
  readonly sandbox: boolean;
}

/** A small server that speaks a runtime's interface over a real socket. */
export interface RuntimeServer {
  readonly socket: string;
  /** Requests answered so far, by method or path without ids. */
  readonly questions: ReadonlyMap<string, number>;
  add(container: Wanted): void;
  /** How everything is answered from now on; undefined: as it should be. */
  misbehave(how: Misbehaviour | undefined): void;
  start(): Promise<void>;
  /** Closes all connections and removes the socket. */
  stop(): Promise<void>;
}

/** A listener on a Unix socket that can be taken away with all its connections, and put back. */
export class SocketListener {
  private readonly connections = new Set<Socket>();

  constructor(
    private readonly server: NetServer,
    readonly socket: string,
  ) {
    server.on("connection", (connection: Socket) => {
      this.connections.add(connection);
      connection.on("close", () => this.connections.delete(connection));
      connection.on("error", () => {});
    });
  }

  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(this.socket, () => resolve());
    });
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const connection of this.connections) connection.destroy();
    await closed;
    await rm(this.socket, { force: true });
  }
}
