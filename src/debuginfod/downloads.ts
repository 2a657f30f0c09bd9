import { Backoff } from "../util/backoff.js";
import type { Clock } from "../util/clock.js";
import { Allowance } from "./allowance.js";
import { isBuildId } from "./build-id.js";
import type { Answer } from "./client.js";
import type { DownloadFolder } from "./download-folder.js";
import { NotKept, REQUEST_RESULTS, type RequestResult } from "./failure.js";
import type { PartialFile } from "./partial-file.js";
import { RestingServer } from "./resting-server.js";
import { Settled } from "./settled.js";
import type { DebuginfodServer } from "./servers.js";
import type { DebugFileSink } from "./sink.js";

/** Why a build ID that was wanted is given up; it may be wanted again. */
export const GIVEN_UP_REASONS = ["malformed", "queue-full", "servers-away", "not-kept"] as const;
export type GivenUpReason = (typeof GIVEN_UP_REASONS)[number];

/** Whom downloads tell what happens; sentences are for people, and without secrets. */
export interface DownloadListener {
  /** Whoever looks for the file finds it from now on. */
  readonly arrived: (buildId: string, bytes: number, server: string) => void;
  readonly away: (result: RequestResult, detail: string) => void;
  readonly refused: (result: RequestResult, detail: string, buildId: string) => void;
  readonly notKept: (problem: string, detail: string) => void;
}

export interface DownloadsOptions {
  /** In the order in which they are asked. */
  readonly servers: readonly DebuginfodServer[];
  readonly get: (
    server: DebuginfodServer,
    buildId: string,
    sink: DebugFileSink,
    signal: AbortSignal,
  ) => Promise<Answer>;
  readonly folder: DownloadFolder;
  /** Reads the build ID of an open file, "" where there is none. May reject: then the file is wrong. */
  readonly buildIdOf: (fd: number) => Promise<string>;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly listener: DownloadListener;
}

/** Downloads at once: a third would slow down the two. */
const AT_ONCE = 2;
/** Of a node's build IDs a few hundred have no debug file; more come of somebody who makes them. */
const MAX_WAITING = 1024;
/** What no server has is asked for again after an hour: debug files may be published after what they belong to. */
const MISSING_MS = 3_600_000;
/** So is what was refused, or given up. */
const SETTLED_MS = 3_600_000;
/** So often a file is begun, or a server asked for it that is away. */
const TRIES = 5;
/** Between two tries of one file; twice as long after each. */
const RETRY = { leastMs: 10_000, firstMs: 60_000, mostMs: 900_000, mostAskedMs: 0 };
/** A folder that took no file is full or broken, and stays so for a while. */
const FOLDER_REST_MS = 300_000;
/** Requests: what a node needs when it starts, and then one each three seconds. Containers say which build IDs there are. */
const REQUESTS_AT_ONCE = 400;
const REQUESTS_PER_HOUR = 1200;

interface Wanted {
  readonly buildId: string;
  /** Servers that will not give it. */
  readonly refusedBy: Set<RestingServer>;
  readonly backoff: Backoff;
  tries: number;
  /** After a try that broke off. */
  notBeforeMs: number;
  isRunning: boolean;
}

/**
 * Debug files that are wanted, downloaded one after the other beside all else: two at once, from the first server that has them. What
 * no server has, or gives, is not asked for again for an hour; a server that is away rests. In an hour no more is
 * downloaded than the folder holds.
 */
export class Downloads {
  readonly #options: DownloadsOptions;
  readonly #servers: readonly RestingServer[];
  readonly #wanted = new Map<string, Wanted>();
  readonly #settled: Settled;
  readonly #stop = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #requests: Allowance;
  readonly #bytes: Allowance;
  #timer: NodeJS.Timeout | undefined;
  #folderRestsUntilMs = -Infinity;
  /** Requests by result, and build IDs given up by reason, since the start. */
  readonly results = new Map<RequestResult, number>(REQUEST_RESULTS.map((result) => [result, 0]));
  readonly givenUp = new Map<GivenUpReason, number>(GIVEN_UP_REASONS.map((reason) => [reason, 0]));
  readonly #files = new Set<PartialFile>();
  #receivedBytes = 0;

  constructor(options: DownloadsOptions) {
    this.#options = options;
    const { servers, clock, random, folder } = options;
    this.#servers = servers.map((server) => new RestingServer(server, clock, random));
    this.#settled = new Settled(clock);
    this.#requests = new Allowance(REQUESTS_AT_ONCE, REQUESTS_PER_HOUR, clock);
    this.#bytes = new Allowance(folder.maxBytes, folder.maxBytes, clock);
  }

  /** Build IDs that wait, those that are being downloaded among them. */
  get waiting(): number {
    return this.#wanted.size;
  }

  /** That came from servers, inflated, whatever became of it. */
  get receivedBytes(): number {
    return Array.from(this.#files).reduce((sum, { bytes }) => sum + bytes, this.#receivedBytes);
  }

  /** Whether something is under way; else all that wait do so for a server, or for their turn. */
  get isBusy(): boolean {
    return this.#running.size > 0;
  }

  /** Servers that are away just now, as people know them. */
  get away(): readonly string[] {
    return this.#servers.filter((server) => server.restMs > 0).map(({ server }) => server.shown);
  }

  /** Has the debug file downloaded, if it is to be had; returns at once. Cheap where it is known to be wanted, or not to be had. */
  want(buildId: string): void {
    if (this.#stop.signal.aborted || this.#wanted.has(buildId) || this.#settled.has(buildId)) return;
    if (!isBuildId(buildId)) return this.#giveUp("malformed");
    if (this.#wanted.size >= MAX_WAITING) return this.#giveUp("queue-full");
    const backoff = new Backoff(RETRY, this.#options.random);
    const fresh = { refusedBy: new Set<RestingServer>(), tries: 0, notBeforeMs: -Infinity, isRunning: false };
    this.#wanted.set(buildId, { buildId, backoff, ...fresh });
    this.#pump();
  }

  /** Ends what is under way; nothing is downloaded any more. */
  async close(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await Promise.all(this.#running);
    this.#wanted.clear();
  }

  /** Begins what is due and has room. */
  #pump(): void {
    clearTimeout(this.#timer);
    if (this.#stop.signal.aborted) return;
    const now = this.#options.clock.monotonicMs();
    const notBeforeMs = Math.max(this.#folderRestsUntilMs, now + Math.max(this.#requests.waitMs, this.#bytes.waitMs));
    let nextMs = Infinity;
    for (const wanted of this.#wanted.values()) {
      if (this.#running.size >= AT_ONCE) return; // one that ends pumps again
      if (wanted.isRunning) continue;
      const dueMs = Math.max(wanted.notBeforeMs, notBeforeMs, now + this.#restMs(wanted));
      if (dueMs <= now) this.#start(wanted);
      else nextMs = Math.min(nextMs, dueMs);
    }
    if (nextMs === Infinity) return;
    this.#timer = setTimeout(() => {
      this.#pump();
    }, nextMs - now);
    this.#timer.unref();
  }

  /** How long all servers that may have it are left alone. */
  #restMs({ refusedBy }: Wanted): number {
    const rests = this.#servers.filter((server) => !refusedBy.has(server)).map(({ restMs }) => restMs);
    return Math.min(...rests);
  }

  #start(wanted: Wanted): void {
    wanted.isRunning = true;
    const task = this.#download(wanted)
      .catch((error: unknown) => {
        this.#fail(wanted, error);
      })
      .finally(() => {
        wanted.isRunning = false;
        this.#running.delete(task);
        this.#pump();
      });
    this.#running.add(task);
  }

  async #download(wanted: Wanted): Promise<void> {
    const { folder, listener } = this.#options;
    const { buildId } = wanted;
    if (await folder.has(buildId)) {
      // Another of us has brought it. One that is of no use is not told of again and again.
      this.#settle(wanted, SETTLED_MS);
      return listener.arrived(buildId, 0, "");
    }
    const missingMs = await folder.missingSinceMs(buildId);
    if (missingMs !== undefined && missingMs < MISSING_MS) return this.#settle(wanted, MISSING_MS - missingMs);
    for (const resting of this.#servers) {
      if (wanted.refusedBy.has(resting) || resting.restMs > 0) continue;
      const answer = await this.#ask(resting, buildId);
      if (answer.kind === "complete") return this.#settle(wanted, SETTLED_MS);
      this.#learn(answer, resting, wanted);
    }
    if (this.#servers.every((server) => wanted.refusedBy.has(server))) return this.#missing(wanted);
    wanted.tries++;
    if (wanted.tries < TRIES) return;
    this.#settle(wanted, SETTLED_MS);
    this.#giveUp("servers-away");
  }

  #learn(answer: Exclude<Answer, { kind: "complete" }>, resting: RestingServer, wanted: Wanted): void {
    const { listener, clock } = this.#options;
    if (answer.kind === "away") {
      resting.rest(answer.afterMs);
      listener.away(answer.result, answer.detail);
      return;
    }
    resting.isWell();
    if (answer.kind === "broken") {
      wanted.notBeforeMs = clock.monotonicMs() + wanted.backoff.next();
      listener.away(answer.result, answer.detail);
      return;
    }
    wanted.refusedBy.add(resting);
    if (answer.kind === "refused") listener.refused(answer.result, answer.detail, wanted.buildId);
  }

  async #missing(wanted: Wanted): Promise<void> {
    this.#settle(wanted, MISSING_MS);
    await this.#options.folder.noteMissing(wanted.buildId);
  }

  /** Asks one server, and keeps what it sends if it is what was asked for. */
  async #ask(resting: RestingServer, buildId: string): Promise<Answer> {
    const { folder, get, listener, buildIdOf } = this.#options;
    const { server } = resting;
    this.#requests.use(1);
    const file = folder.begin(buildId);
    this.#files.add(file);
    let isKept = false;
    try {
      const answer = await get(server, buildId, file, this.#stop.signal);
      if (answer.kind !== "complete") {
        this.#count(answer.kind === "missing" ? "not-found" : answer.result);
        return answer;
      }
      const found = await this.#unlessStopped(buildIdOf(file.fd).catch(() => ""));
      if (found !== buildId) {
        this.#count("wrong-file");
        const what = found === "" ? "what is no ELF file with a build ID" : `a file of build ID ${found}`;
        const detail = `${server.shown} sends ${what} for ${buildId}; check that it is a debuginfod server.`;
        return { kind: "refused", result: "wrong-file", detail };
      }
      const { bytes } = file;
      isKept = true;
      await file.keep();
      resting.isWell();
      this.#count("downloaded");
      listener.arrived(buildId, bytes, server.shown);
      return answer;
    } catch (error) {
      this.#count(error instanceof NotKept ? "not-kept" : "cancelled");
      throw error;
    } finally {
      this.#files.delete(file);
      this.#receivedBytes += file.bytes;
      this.#bytes.use(file.bytes);
      if (!isKept) await file.discard();
    }
  }

  /** Who is asked off this thread may be busy for longer than the end may take. */
  #unlessStopped<T>(answer: Promise<T>): Promise<T> {
    const { signal } = this.#stop;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        reject(new Error("stopped"));
      };
      signal.addEventListener("abort", onAbort);
      if (signal.aborted) onAbort();
      answer.then(resolve, reject).finally(() => {
        signal.removeEventListener("abort", onAbort);
      });
    });
  }

  /** The folder's fault, or the end. */
  #fail(wanted: Wanted, error: unknown): void {
    if (!(error instanceof NotKept)) {
      if (!this.#stop.signal.aborted) throw error;
      this.#wanted.delete(wanted.buildId);
      return;
    }
    this.#settle(wanted, SETTLED_MS);
    this.#giveUp("not-kept");
    // One file that is larger than the budget says nothing of the next one.
    if (error.problem !== "no-room") this.#folderRestsUntilMs = this.#options.clock.monotonicMs() + FOLDER_REST_MS;
    this.#options.listener.notKept(error.problem, error.message);
  }

  #settle({ buildId }: Wanted, ms: number): void {
    this.#wanted.delete(buildId);
    this.#settled.add(buildId, ms);
  }

  #count(result: RequestResult): void {
    this.results.set(result, (this.results.get(result) ?? 0) + 1);
  }

  #giveUp(reason: GivenUpReason): void {
    this.givenUp.set(reason, (this.givenUp.get(reason) ?? 0) + 1);
  }
}
