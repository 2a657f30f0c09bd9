import type { DirectoryOptions, SocketHealth } from "./directory.js";
import { findSockets, kindOfSocket, socketIdentity } from "./runtimes/index.js";
import type { ContainerRuntime, RuntimeModule, RuntimeOptions } from "./runtimes/runtime.js";

const DISCOVER_MS = 15_000;
const ROOTS = ["/", "/host"];
const NONE_FOUND =
  "no container runtime's socket is at its usual place: mount its directory into the agent's container (/run/containerd), or name it with --runtime-socket.";

/** The runtimes of a node, opened as their sockets are found. */
export interface RuntimeSockets {
  readonly health: readonly SocketHealth[];
  /** Those that can be asked now. */
  readonly connected: readonly ContainerRuntime[];
  close(): Promise<void>;
}

/** Looks for sockets now and again until closed; `onOpen` gets each runtime once, as it is opened. */
export function openSockets(
  options: DirectoryOptions,
  timeoutMs: number,
  onOpen: (runtime: ContainerRuntime) => void,
): RuntimeSockets {
  return new Sockets(options, timeoutMs, onOpen);
}

class Sockets implements RuntimeSockets {
  private readonly runtimes = new Map<string, ContainerRuntime>();
  /** Of sockets that were named: why none is open there yet. */
  private readonly unopened = new Map<string, string>();
  private readonly runtimeOptions: RuntimeOptions;
  private readonly discoverMs: number;
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void>;
  private readonly closing = new AbortController();

  constructor(
    private readonly options: DirectoryOptions,
    timeoutMs: number,
    private readonly onOpen: (runtime: ContainerRuntime) => void,
  ) {
    const { retryMs, checkMs } = options;
    this.runtimeOptions = {
      timeoutMs,
      ...(retryMs === undefined ? {} : { retryMs }),
      ...(checkMs === undefined ? {} : { checkMs }),
    };
    this.discoverMs = options.discoverMs ?? DISCOVER_MS;
    this.looking = this.look();
  }

  get health(): readonly SocketHealth[] {
    const opened = [...this.runtimes.values()].map(({ name, socket, health, counts }) => ({
      name,
      socket,
      health,
      counts,
    }));
    const unopened = [...this.unopened].map(([socket, detail]) => none(socket, detail));
    const all = [...opened, ...unopened];
    return all.length === 0 ? [none("", NONE_FOUND)] : all;
  }

  get connected(): readonly ContainerRuntime[] {
    return [...this.runtimes.values()].filter(({ health }) => health.state === "connected");
  }

  async close(): Promise<void> {
    this.closing.abort();
    clearTimeout(this.timer);
    for (const runtime of this.runtimes.values()) runtime.close();
    await this.looking;
  }

  /** Never rejects. */
  private async look(): Promise<void> {
    const { sockets = [] } = this.options;
    if (sockets.length === 0) {
      for (const { socket, module } of findSockets(this.options.roots ?? ROOTS)) this.open(socket, module);
    } else {
      await Promise.all(sockets.map((socket) => this.lookAt(socket)));
    }
    if (this.closing.signal.aborted) return;
    this.timer = setTimeout(() => {
      this.looking = this.look();
    }, this.discoverMs);
  }

  private async lookAt(socket: string): Promise<void> {
    if (this.runtimes.has(socket)) return;
    if (socketIdentity(socket) === undefined) {
      this.unopened.set(
        socket,
        `${socket} is no socket: start the runtime, or mount its directory into the agent's container.`,
      );
      return;
    }
    const module = await kindOfSocket(socket, this.runtimeOptions.timeoutMs, this.closing.signal);
    if (module !== undefined) this.open(socket, module);
    else {
      this.unopened.set(
        socket,
        `what is at ${socket} does not answer like containerd, a CRI runtime or Docker: see that it runs, that the agent may open it, and that it is the right socket.`,
      );
    }
  }

  private open(socket: string, module: RuntimeModule): void {
    if (this.closing.signal.aborted || this.runtimes.has(socket)) return;
    this.unopened.delete(socket);
    const runtime = module.open(socket, this.runtimeOptions);
    this.runtimes.set(socket, runtime);
    this.onOpen(runtime);
  }
}

function none(socket: string, detail: string): SocketHealth {
  return { name: "none", socket, health: { state: "away", detail }, counts: undefined };
}
