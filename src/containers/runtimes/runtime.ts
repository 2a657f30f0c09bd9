import type { Container, RuntimeName } from "../../model/container.js";

/** How it stands with a runtime's socket. A socket that vanishes may return: a runtime is never given up. */
export type RuntimeHealth =
  | { readonly state: "connecting" }
  | { readonly state: "connected"; readonly version: string }
  /** What is the matter and what to do, one sentence. */
  | { readonly state: "away"; readonly detail: string };

/** A container runtime, asked over its socket. One file each; test/support/describe-runtime.ts says how all behave. */
export interface ContainerRuntime {
  readonly name: RuntimeName;
  readonly socket: string;
  readonly health: RuntimeHealth;
  /**
   * The container of this id; null when the runtime knows none. Rejects, within its deadline, when the socket is away or
   * answers with nonsense; the caller tries again later.
   */
  lookup(id: string): Promise<Container | null>;
  /** All containers there are, running or created: what a start, or a connection that came back, begins with. */
  list(): Promise<readonly Container[]>;
  /** Calls `listener` with each container made from now on, where the runtime tells; and again for what a reconnect found. */
  watch(listener: (container: Container) => void): void;
  close(): void;
}

/** How a kind of runtime is found and opened; src/containers/runtimes/index.ts lists them, in order of preference. */
export interface RuntimeModule {
  readonly name: "containerd" | "cri" | "docker";
  /** Usual paths of its socket, relative to the host's root, most usual first. */
  readonly sockets: readonly string[];
  open(socket: string, options: RuntimeOptions): ContainerRuntime;
}

export interface RuntimeOptions {
  /** Deadline of one question. */
  readonly timeoutMs: number;
}
