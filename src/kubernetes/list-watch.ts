import { Backoff, type BackoffOptions } from "../util/backoff.js";
import type { SleepingClock } from "../util/clock.js";
import { ApiProblem } from "./api-problem.js";
import { openStream, statusProblem } from "./api-stream.js";
import type { ClusterAccess } from "./cluster-access.js";
import { linesOf, type Line } from "./lines.js";
import { ListReader, type ListEnvelope } from "./list-reader.js";
import type { PodCounts } from "./pod-counts.js";
import { objectOf, textOf } from "./untrusted.js";

/** A second at least: an API server that is starting has a thousand nodes to answer. */
const BACKOFF: BackoffOptions = { leastMs: 1000, firstMs: 2000, mostMs: 30_000, mostAskedMs: Number.POSITIVE_INFINITY };

/** Whom the watch tells. */
export interface WatchListener {
  /** A pod as it is now. Gives its uid, or undefined when it cannot be taken. */
  put(pod: unknown): string | undefined;
  deleted(pod: unknown): string | undefined;
  /** A whole list has come: these are all there are. */
  listed(uids: ReadonlySet<string>): void;
  /** Something has come, be it a bookmark: a moment to tidy. */
  heard(): void;
  /** The API server answers as it should. */
  well(): void;
  unwell(problem: ApiProblem): void;
}

/** Milliseconds each. */
export interface WatchTimes {
  /** How long a watch may last; a quarter of it is left to chance, so that a thousand nodes do not return at once. */
  readonly watchMs: number;
  /** How much longer than it should a watch is waited for, before its peer is taken for dead. */
  readonly graceMs: number;
  /** For a connection and the head of an answer. */
  readonly headMs: number;
  /** Within a list, without a byte. */
  readonly idleMs: number;
}

/** A missing right shows when a watch begins, so it is known within five minutes. */
export const WATCH_TIMES: WatchTimes = { watchMs: 300_000, graceMs: 30_000, headMs: 30_000, idleMs: 30_000 };

export interface ListWatchOptions {
  readonly access: ClusterAccess;
  readonly node: string;
  readonly clock: SleepingClock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly times: WatchTimes;
  readonly counts: PodCounts;
  readonly listener: WatchListener;
}

/** etcd takes objects of at most 1.5 MiB, in a form that is shorter than JSON. */
const MAX_OBJECT_BYTES = 4 << 20;
/** Old API servers answer pages from etcd; the cache gives all at once. */
const PAGE = 100;
/** A watch that is over sooner and brought nothing is a failure, or we would ask again without a pause. */
const SHORTEST_WATCH_MS = 1000;
/** Any version that the API server has in its cache: the cheapest, and what a start is content with. */
const ANY_VERSION = "0";
/** The latest there is, from etcd itself: what never fails for its age, and costs the API server most. */
const LATEST_VERSION = "";

/**
 * Lists the pods of a node, then watches them, for ever: goes on where a watch ended, lists anew where the API server has
 * forgotten that place, and comes back when it was away.
 */
export class ListWatch {
  readonly #options: ListWatchOptions;
  readonly #retry: Backoff;
  /** Where the next watch begins; undefined: the pods are listed first. */
  #version: string | undefined;
  /** A list may not be older than what was seen already, or deleted pods would return. */
  #listVersion = ANY_VERSION;
  /** Times in a row that the place was forgotten: once is answered at once. */
  #gone = 0;
  /** An event was lost that a list makes good. */
  #listDue = false;
  /** Ends the list or the watch that is going on, for another list. */
  #again = new AbortController();

  constructor(options: ListWatchOptions) {
    this.#options = options;
    this.#retry = new Backoff(BACKOFF, options.random);
  }

  /** Until the signal. Rejects only with what is a mistake of ours. */
  async run(signal: AbortSignal): Promise<void> {
    const onEnd = (): void => {
      this.#again.abort();
    };
    signal.addEventListener("abort", onEnd);
    while (!signal.aborted) {
      const round = (this.#again = new AbortController());
      try {
        if (this.#version === undefined) await this.#list(round.signal);
        else await this.#watch(this.#version, round.signal);
      } catch (error) {
        if (!(error instanceof ApiProblem)) throw error;
        if (!round.signal.aborted) await this.#recover(error, signal);
      }
      if (round.signal.aborted) this.#version = undefined;
    }
    signal.removeEventListener("abort", onEnd);
  }

  /** Lists the pods anew at once: more is kept of them than was. An API server that is away is waited for as before. */
  listAnew(): void {
    this.#version = undefined;
    this.#again.abort();
  }

  async #recover(problem: ApiProblem, signal: AbortSignal): Promise<void> {
    const { counts, listener, clock } = this.#options;
    counts.failures[problem.reason]++;
    if (problem.reason === "gone") {
      // A list that was refused for its version, or that led to no watch, wants none.
      if (this.#version === undefined || this.#gone > 0) this.#listVersion = LATEST_VERSION;
      this.#version = undefined;
      if (this.#gone++ === 0) return;
    }
    if (problem.reason === "malformed") this.#version = undefined;
    listener.unwell(problem);
    await clock.sleep(this.#retry.next(problem.retryAfterMs), signal);
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { counts, listener } = this.#options;
    const uids = new Set<string>();
    let page = await this.#page("", uids, signal);
    const { resourceVersion } = page;
    while (page.continueToken !== "") {
      page = await this.#page(page.continueToken, uids, signal);
    }
    counts.lists++;
    this.#version = this.#listVersion = resourceVersion;
    this.#listDue = false;
    listener.listed(uids);
    listener.well();
    listener.heard();
  }

  async #page(token: string, uids: Set<string>, signal: AbortSignal): Promise<ListEnvelope> {
    const { access, times, counts, listener } = this.#options;
    const page = token === "" ? freshness(this.#listVersion) : { limit: PAGE, continue: token };
    const path = this.#path(page);
    const reader = new ListReader(
      {
        item: (text) => {
          const pod = parsed(text);
          const uid = pod === undefined ? undefined : listener.put(pod);
          if (pod === undefined) counts.dropped.malformed++;
          if (uid !== undefined) uids.add(uid);
        },
        oversized: () => counts.dropped.oversized++,
      },
      MAX_OBJECT_BYTES,
    );
    const chunks = await openStream(access, path, { headMs: times.headMs, idleMs: times.idleMs }, signal);
    for await (const chunk of chunks) reader.push(chunk);
    const envelope = reader.end();
    if (envelope === undefined || (token !== "" && envelope.continueToken === token)) {
      throw new ApiProblem(
        "malformed",
        "What answers as the Kubernetes API sent no whole list of pods: check its address.",
      );
    }
    return envelope;
  }

  async #watch(version: string, signal: AbortSignal): Promise<void> {
    const { access, times, counts, listener, clock, random } = this.#options;
    const seconds = Math.ceil((times.watchMs * (1 - random() / 4)) / 1000);
    const query = { watch: 1, resourceVersion: version, allowWatchBookmarks: true, timeoutSeconds: seconds };
    const timeouts = { headMs: times.headMs, totalMs: seconds * 1000 + times.graceMs };
    const chunks = await openStream(access, this.#path(query), timeouts, signal);
    counts.watches++;
    listener.well();
    const begun = clock.monotonicMs();
    let isSilent = true;
    for await (const line of linesOf(chunks, MAX_OBJECT_BYTES)) {
      this.#take(line);
      listener.heard();
      isSilent = false;
    }
    if (isSilent && clock.monotonicMs() - begun < SHORTEST_WATCH_MS && !signal.aborted) {
      throw new ApiProblem("refused", "The Kubernetes API ends each watch of pods at once: check what stands between.");
    }
    this.#goesWell();
    if (this.#listDue) this.#version = undefined;
  }

  #take(line: Line): void {
    const { counts, listener } = this.#options;
    if (line.kind !== "line") {
      counts.dropped[line.kind]++;
      this.#listDue ||= line.kind === "oversized";
      return;
    }
    const event = parsed(line.text);
    if (event === undefined) {
      counts.dropped.malformed++;
      throw new ApiProblem("malformed", "An event of the Kubernetes API is no JSON: the pods are listed anew.");
    }
    const { type, object } = objectOf(event);
    if (type === "ERROR") throw errorEvent(object);
    if (type === "ADDED" || type === "MODIFIED") listener.put(object);
    else if (type === "DELETED") listener.deleted(object);
    else if (type !== "BOOKMARK") counts.dropped.malformed++;
    counts.events++;
    const version = textOf(objectOf(objectOf(object)["metadata"])["resourceVersion"]);
    if (version !== "") this.#version = this.#listVersion = version;
    this.#goesWell();
  }

  #goesWell(): void {
    this.#retry.reset();
    this.#gone = 0;
  }

  #path(query: Readonly<Record<string, string | number | boolean>>): string {
    // What a selector would take for its own is escaped; no node is called so, and a mistyped one shall find nothing.
    const node = this.#options.node.replace(/[\\,=]/g, "\\$&");
    const search = new URLSearchParams({ fieldSelector: `spec.nodeName=${node}` });
    for (const [key, value] of Object.entries(query)) search.set(key, String(value));
    return `/api/v1/pods?${search.toString()}`;
  }
}

/** With a limit, a version that is not said to be the least means exactly that one, be it hours old. */
function freshness(version: string): Readonly<Record<string, string | number>> {
  if (version === ANY_VERSION || version === LATEST_VERSION) return { limit: PAGE, resourceVersion: version };
  return { resourceVersion: version, resourceVersionMatch: "NotOlderThan" };
}

/** An error that the API server met while the watch was open: a Status, as it would have answered a request. */
function errorEvent(object: unknown): ApiProblem {
  const { code, message } = objectOf(object);
  return statusProblem(typeof code === "number" ? code : 500, textOf(message));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined; // The caller counts it.
  }
}
