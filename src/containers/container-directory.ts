import type { Container } from "../model/container.js";
import type { ContainerDirectory, DirectoryOptions, SocketHealth } from "./directory.js";
import { KnownContainers } from "./known-containers.js";
import { MissingContainers } from "./missing-containers.js";
import type { ContainerRuntime } from "./runtimes/runtime.js";
import { openSockets, type RuntimeSockets } from "./runtime-sockets.js";

const TIMEOUT_MS = 5000;
const SWEEP_MS = 60_000;
/** What is wanted within so many milliseconds is asked for together. */
const GATHER_MS = 10;
/** Above so many ids wanted at once all containers are listed instead. */
const MAX_SINGLE_LOOKUPS = 8;
/** Ids waiting to be asked for; a find of one more is answered by its next find. */
const MAX_WANTED = 4096;
const NOTHING: ReadonlyMap<string, readonly string[]> = new Map();
/** A search that failed because a runtime did is made again after so long. */
const FAILED_RETRY_MS = 2000;

/** Opens all runtimes there are, and those that come later. Nothing is waited for: containers become known as they are told. */
export function openContainerDirectory(options: DirectoryOptions = {}): ContainerDirectory {
  return new Directory(options);
}

type Found = Container | "unknown" | "failed";

class Directory implements ContainerDirectory {
  private readonly sockets: RuntimeSockets;
  private readonly known = new KnownContainers();
  private readonly missing = new MissingContainers();
  private readonly listeners: ((container: Container) => void)[] = [];
  /** Ids to be asked for, and those further in. */
  private readonly wanted = new Map<string, readonly string[]>();
  /** Those that are being asked for. */
  private asked: ReadonlyMap<string, readonly string[]> = NOTHING;
  private closed = false;
  private gatherTimer: NodeJS.Timeout | undefined;
  private retryTimer: NodeJS.Timeout | undefined;
  private readonly sweepTimer: NodeJS.Timeout;

  constructor(options: DirectoryOptions) {
    this.sockets = openSockets(options, options.timeoutMs ?? TIMEOUT_MS, (runtime) => {
      runtime.watch((container, whole) => this.learn(container, whole));
    });
    this.sweepTimer = setInterval(() => this.known.sweep(performance.now()), SWEEP_MS);
    this.sweepTimer.unref();
  }

  get health(): readonly SocketHealth[] {
    return this.sockets.health;
  }

  get size(): { readonly containers: number; readonly missing: number } {
    return { containers: this.known.size, missing: this.missing.size };
  }

  find(containerIds: readonly string[]): Container | undefined {
    const nowMs = performance.now();
    for (const [index, id] of containerIds.entries()) {
      const entry = this.known.use(id, nowMs);
      if (entry !== undefined) {
        if (!entry.whole && this.missing.isDue(id, nowMs)) this.want(id, []);
        return entry.container;
      }
      const next = containerIds.slice(index + 1);
      if (this.missing.isDue(id, nowMs)) this.want(id, next);
      if (!this.missing.isGivenUp(id)) return undefined;
    }
    return undefined;
  }

  onChange(listener: (container: Container) => void): void {
    this.listeners.push(listener);
  }

  close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.gatherTimer);
    clearTimeout(this.retryTimer);
    clearInterval(this.sweepTimer);
    this.wanted.clear();
    return this.sockets.close();
  }

  private learn(container: Container, whole: boolean): void {
    if (this.closed) return;
    this.missing.forget(container.id);
    if (!this.known.learn(container, whole, performance.now())) return;
    for (const listener of this.listeners) listener(container);
  }

  private want(id: string, next: readonly string[]): void {
    if (this.closed || this.asked.has(id) || (this.wanted.size >= MAX_WANTED && !this.wanted.has(id))) return;
    this.wanted.set(id, next);
    this.askSoon(GATHER_MS);
  }

  private askSoon(waitMs: number): void {
    if (this.closed || this.asked.size > 0) return;
    this.gatherTimer ??= setTimeout(() => {
      this.gatherTimer = undefined;
      void this.ask();
    }, waitMs);
  }

  /** Asks for all that is wanted by now, one round at a time: what is wanted meanwhile is the next round's. */
  private async ask(): Promise<void> {
    const runtimes = this.sockets.connected;
    // Nobody to ask: a runtime that comes back tells of all its containers, and find asks for the rest.
    if (runtimes.length === 0) return this.askSoon(FAILED_RETRY_MS);
    const round = (this.asked = new Map(this.wanted));
    this.wanted.clear();
    const found = await (round.size > MAX_SINGLE_LOOKUPS
      ? this.askForMany(runtimes, round)
      : this.askForEach(runtimes, [...round.keys()]));
    this.asked = NOTHING;
    if (this.closed) return;
    for (const [id, next] of round) {
      const outcome = found.get(id) ?? "failed";
      if (outcome === "unknown") {
        const isGivenUp = this.missing.miss(id, next, performance.now());
        if (isGivenUp && next.length > 0) this.want(next[0], next.slice(1));
      } else if (outcome === "failed") {
        this.wanted.set(id, next);
      }
    }
    this.retryLater();
    if (this.wanted.size > 0) this.askSoon([...found.values()].includes("failed") ? FAILED_RETRY_MS : GATHER_MS);
  }

  private async askForEach(
    runtimes: readonly ContainerRuntime[],
    ids: readonly string[],
  ): Promise<ReadonlyMap<string, Found>> {
    const found = await Promise.all(ids.map(async (id) => [id, await this.askAll(runtimes, id)] as const));
    return new Map(found);
  }

  private async askAll(runtimes: readonly ContainerRuntime[], id: string): Promise<Found> {
    const answers = await Promise.all(runtimes.map((runtime) => runtime.lookup(id).catch(() => "failed" as const)));
    const containers = answers.filter((answer) => answer !== null && answer !== "failed");
    for (const container of containers) this.learn(container, true);
    if (containers.length > 0) return containers[0];
    return answers.includes("failed") ? "failed" : "unknown";
  }

  /** A list each, whatever the number; of what a list does not tell whole, the details one by one. */
  private async askForMany(
    runtimes: readonly ContainerRuntime[],
    ids: ReadonlyMap<string, readonly string[]>,
  ): Promise<ReadonlyMap<string, Found>> {
    const found = new Map<string, Found>();
    let failed = false;
    for (const runtime of runtimes) {
      const containers = await runtime.list().catch(() => undefined);
      failed ||= containers === undefined;
      for (const container of containers ?? []) {
        if (ids.has(container.id)) found.set(container.id, container);
        this.learn(container, runtime.listsAll);
      }
      if (runtime.listsAll) continue;
      for (const { id } of containers ?? []) {
        const container = ids.has(id) ? await runtime.lookup(id).catch(() => null) : null;
        if (container !== null) this.learn(container, true);
      }
    }
    for (const id of ids.keys()) {
      if (!found.has(id)) found.set(id, failed ? "failed" : "unknown");
    }
    return found;
  }

  /** Fresh misses are sought again unasked: whoever asked waits for onChange. */
  private retryLater(): void {
    clearTimeout(this.retryTimer);
    const dueMs = this.missing.nextDueMs();
    if (dueMs === undefined || this.closed) return;
    this.retryTimer = setTimeout(
      () => {
        for (const [id, next] of this.missing.due(performance.now())) this.want(id, next);
        this.retryLater();
      },
      Math.max(GATHER_MS, dueMs - performance.now()),
    );
  }
}
