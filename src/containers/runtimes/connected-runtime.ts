import type { Container, RuntimeName } from "../../model/container.js";
import { Backoff } from "../../util/backoff.js";
import { adviceFor, DeadlineExceeded, failureOf, type ProtocolOptions, type RuntimeProtocol } from "./protocol.js";
import type { ContainerRuntime, RuntimeCounts, RuntimeHealth, RuntimeOptions } from "./runtime.js";

const RETRY_MS = 1000;
/** The longest wait is so many times the first. */
const RETRY_GROWTH = 30;
const CHECK_MS = 10_000;
/** A list of all containers may take so many times what a question about one may. */
const LIST_PATIENCE = 4;

/** A protocol with what all runtimes have in common: health, counts, deadlines, a connection that comes back. */
export function connectRuntime(
  socket: string,
  { timeoutMs, retryMs = RETRY_MS, checkMs = CHECK_MS }: RuntimeOptions,
  openProtocol: (options: ProtocolOptions) => RuntimeProtocol,
): ContainerRuntime {
  return new ConnectedRuntime(socket, { timeoutMs, retryMs, checkMs }, openProtocol);
}

class ConnectedRuntime implements ContainerRuntime {
  readonly counts: RuntimeCounts = {
    questions: 0,
    failures: { away: 0, refused: 0, deadline: 0, malformed: 0, "too-large": 0, error: 0 },
    connections: 0,
    malformedParts: 0,
  };
  private state: RuntimeHealth = { state: "connecting" };
  private readonly protocol: RuntimeProtocol;
  private readonly listeners: ((container: Container, whole: boolean) => void)[] = [];
  private readonly closing = new AbortController();
  /** Of the connection that is watched: ends with it. */
  private watching: AbortController | undefined;

  constructor(
    readonly socket: string,
    private readonly options: Required<RuntimeOptions>,
    openProtocol: (options: ProtocolOptions) => RuntimeProtocol,
  ) {
    this.protocol = openProtocol({
      timeoutMs: options.timeoutMs,
      listTimeoutMs: options.timeoutMs * LIST_PATIENCE,
      malformedPart: () => {
        this.counts.malformedParts++;
      },
    });
  }

  get name(): RuntimeName {
    return this.protocol.name;
  }

  get health(): RuntimeHealth {
    return this.state;
  }

  get listsAll(): boolean {
    return this.protocol.listsAll;
  }

  version(): Promise<string> {
    return this.ask(() => this.protocol.version());
  }

  lookup(id: string): Promise<Container | null> {
    // Nothing is called so, and some runtimes call the question an error.
    return id === "" ? Promise.resolve(null) : this.ask(() => this.protocol.lookup(id));
  }

  list(): Promise<readonly Container[]> {
    return this.ask(() => this.protocol.list(), LIST_PATIENCE);
  }

  watch(listener: (container: Container, whole: boolean) => void): void {
    this.listeners.push(listener);
    if (this.listeners.length === 1) void this.keepWatching();
  }

  close(): void {
    this.closing.abort();
    this.protocol.disconnect();
  }

  /** Never rejects: a connection that ends is made again, until close. */
  private async keepWatching(): Promise<void> {
    const { signal } = this.closing;
    const { retryMs } = this.options;
    const backoff = new Backoff(
      { leastMs: retryMs / 2, firstMs: retryMs, mostMs: retryMs * RETRY_GROWTH, mostAskedMs: 0 },
      Math.random,
    );
    while (!signal.aborted) {
      const { connections } = this.counts;
      await this.watchOnce();
      this.protocol.disconnect();
      // One that was well begins anew.
      if (this.counts.connections > connections) backoff.reset();
      await sleep(backoff.next(), signal);
    }
  }

  /** One connection, from its first question to its end. Subscribed first and listed then, so that nothing falls between. */
  private async watchOnce(): Promise<void> {
    const ending = (this.watching = new AbortController());
    const signal = AbortSignal.any([ending.signal, this.closing.signal]);
    try {
      const version = await this.version();
      const followed = this.protocol.follow?.((id) => void this.tell(id), signal);
      // Its end is waited for below; until then it is nobody's failure.
      followed?.catch(() => {});
      const known = new Set<string>();
      await this.tellNew(known);
      this.counts.connections++;
      this.state = { state: "connected", version };
      while (!signal.aborted) {
        const checkIsDue = sleep(this.options.checkMs, signal).then(() => "check" as const);
        const next = await Promise.race([
          checkIsDue,
          ...(followed === undefined ? [] : [followed.then(() => "end" as const)]),
        ]);
        if (next === "end") return;
        if (followed === undefined) await this.tellNew(known);
        else await this.version();
        this.state = { state: "connected", version };
      }
    } catch (error) {
      this.state = { state: "away", detail: adviceFor(error, this.protocol.name, this.socket) };
    } finally {
      ending.abort();
    }
  }

  /** Tells of the containers that are there and not known, which is what is known afterwards. */
  private async tellNew(known: Set<string>): Promise<void> {
    const containers = await this.list();
    const fresh = containers.filter(({ id }) => !known.has(id));
    known.clear();
    for (const { id } of containers) known.add(id);
    for (const container of fresh) this.deliver(container, this.listsAll);
  }

  /** A container that was just made. One that cannot be had is asked for again by whoever meets its cgroup. */
  private async tell(id: string): Promise<void> {
    const container = await this.lookup(id).catch(() => null);
    if (container !== null) this.deliver(container, true);
  }

  private deliver(container: Container, whole: boolean): void {
    if (this.closing.signal.aborted) return;
    for (const listener of this.listeners) listener(container, whole);
  }

  /** One question, counted, within the deadline. */
  private async ask<Answer>(question: () => Promise<Answer>, patience = 1): Promise<Answer> {
    this.counts.questions++;
    const limitMs = this.options.timeoutMs * patience;
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new DeadlineExceeded(`no answer within ${limitMs} ms`)), limitMs);
    });
    try {
      return await Promise.race([question(), deadline]);
    } catch (error) {
      const failure = failureOf(error);
      this.counts.failures[failure]++;
      const isLost = failure === "away" || failure === "refused";
      if (isLost || failure === "deadline") {
        this.state = { state: "away", detail: adviceFor(error, this.protocol.name, this.socket) };
      }
      // What answers next may be another: all is asked anew.
      if (isLost) this.watching?.abort();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Resolves after so many milliseconds; on the signal at once. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
