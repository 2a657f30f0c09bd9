import type { Container, RuntimeName } from "../../model/container.js";

/** How it stands with a runtime's socket. A socket that vanishes may return: a runtime is never given up. */
export type RuntimeHealth =
  | { readonly state: "connecting" }
  | { readonly state: "connected"; readonly version: string }
  /** What is the matter and what to do, one sentence. */
  | { readonly state: "away"; readonly detail: string };

/** Why a question got no answer that could be used. */
export type RuntimeFailure = "away" | "refused" | "deadline" | "malformed" | "too-large" | "error";

export interface RuntimeCounts {
  /** Questions sent: each Get, List, Version, inspect. */
  questions: number;
  /** Those that failed, by reason. */
  readonly failures: Record<RuntimeFailure, number>;
  /** Connections made, the first one included. */
  connections: number;
  /** Specifications or entries of a list that made no sense; the rest of what is known of the container is kept. */
  malformedParts: number;
}

/** A container runtime, asked over its socket. One file each; test/support/describe-runtime.ts says how all behave. */
export interface ContainerRuntime {
  readonly name: RuntimeName;
  readonly socket: string;
  readonly health: RuntimeHealth;
  readonly counts: Readonly<RuntimeCounts>;
  /** Whether list() tells of each container all that lookup() does; where not, the service variables are missing. */
  readonly listsAll: boolean;
  /** The runtime's version; rejects where nothing answers, or something of another kind. */
  version(): Promise<string>;
  /**
   * The container of this id; null when the runtime knows none. Rejects, within its deadline, when the socket is away or
   * answers with nonsense; the caller tries again later.
   */
  lookup(id: string): Promise<Container | null>;
  /** All containers there are, running or created: what a start, or a connection that came back, begins with. */
  list(): Promise<readonly Container[]>;
  /**
   * Calls `listener` with each container there is once the connection stands, with each made or changed from then on,
   * where the runtime tells, and with what a connection that came back finds. `whole`: all that lookup() tells.
   */
  watch(listener: (container: Container, whole: boolean) => void): void;
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
  /** First wait before a lost connection is made again, 1000 by default; each further one is twice as long, up to 30 times. */
  readonly retryMs?: number;
  /** How often a connection in use is checked to be alive, and a runtime without events is listed; 10,000 by default. */
  readonly checkMs?: number;
}
