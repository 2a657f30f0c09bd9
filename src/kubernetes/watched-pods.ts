import type { Pod } from "../model/pod.js";
import { systemClock, type SleepingClock } from "../util/clock.js";
import type { ApiProblem } from "./api-problem.js";
import type { ClusterAccess } from "./cluster-access.js";
import { ListWatch, WATCH_TIMES, type WatchListener, type WatchTimes } from "./list-watch.js";
import { noPodCounts, type PodCounts } from "./pod-counts.js";
import { PodIndex } from "./pod-index.js";
import type { PodSource, PodSourceHealth } from "./pod-source.js";
import { trimPod, type TrimmedPod } from "./trim-pod.js";
import { objectOf } from "./untrusted.js";

/** A {@link PodSource} fed by the API server, and how it fared. */
export interface WatchedPods extends PodSource {
  readonly counts: Readonly<PodCounts>;
  /** Pods that ended a short while ago and are still known. */
  readonly endedPods: number;
  /** Other annotations are kept from now on; the pods are listed anew where there is one more. */
  keepAnnotations(keys: readonly string[]): void;
  /** The pods that this node has at this moment. */
  all(): readonly Pod[];
}

export interface PodSourceOptions {
  /** As Kubernetes calls it: the pods' spec.nodeName. */
  readonly node: string;
  readonly access: ClusterAccess;
  /** Keys of annotations to keep, beside a static pod's hash, and all of hostflame.io/ and tags.datadoghq.com/. */
  readonly annotations?: readonly string[];
  /** How long an ended pod is known after its end or its last use. 5 minutes. */
  readonly keepMs?: number;
  /** Most pods at once, running and ended. The kubelet's own limit is 110, where nobody raised it. */
  readonly maxPods?: number;
  readonly maxEndedPods?: number;
  readonly clock?: SleepingClock;
  /** Uniform in [0, 1). */
  readonly random?: () => number;
  readonly times?: WatchTimes;
}

const KEEP_MS = 300_000;
/** At 2 to 4 KiB a pod these are 4 MiB, were a node ever so full. */
const MAX_PODS = 1024;
const MAX_ENDED = 1024;

/** Begins to watch at once; what is known comes through the listeners. */
export function openPodSource(options: PodSourceOptions): WatchedPods {
  return new ApiPods(options);
}

class ApiPods implements WatchedPods, WatchListener {
  readonly counts = noPodCounts();
  readonly #node: string;
  readonly #clock: SleepingClock;
  readonly #index: PodIndex;
  readonly #watch: ListWatch;
  #annotations: ReadonlySet<string>;
  readonly #listeners: ((pod: Pod) => void)[] = [];
  readonly #ending = new AbortController();
  readonly #running: Promise<void>;
  /** The first list has come. */
  #isListed = false;
  #trouble: { readonly detail: string; readonly sinceMs: number } | undefined;

  constructor(options: PodSourceOptions) {
    const { node, access, clock = systemClock, random = Math.random, times = WATCH_TIMES } = options;
    this.#node = node;
    this.#clock = clock;
    this.#annotations = new Set(options.annotations ?? []);
    this.#index = new PodIndex({
      clock,
      keepMs: options.keepMs ?? KEEP_MS,
      maxPods: options.maxPods ?? MAX_PODS,
      maxEnded: options.maxEndedPods ?? MAX_ENDED,
      dropped: (reason) => this.counts.dropped[reason]++,
    });
    this.#watch = new ListWatch({ access, node, clock, random, times, counts: this.counts, listener: this });
    this.#running = this.#watch.run(this.#ending.signal);
  }

  get health(): PodSourceHealth {
    if (this.#trouble !== undefined) return { state: "away", ...this.#trouble };
    return this.#isListed ? { state: "synced", pods: this.#index.livePods } : { state: "starting" };
  }

  get endedPods(): number {
    return this.#index.endedPods;
  }

  all(): readonly Pod[] {
    return this.#index.pods();
  }

  byUid(uid: string): Pod | undefined {
    return this.#index.byUid(uid);
  }

  byContainerId(id: string): Pod | undefined {
    return this.#index.byContainerId(id);
  }

  onChange(listener: (pod: Pod) => void): void {
    this.#listeners.push(listener);
  }

  keepAnnotations(keys: readonly string[]): void {
    const isMore = keys.some((key) => !this.#annotations.has(key));
    this.#annotations = new Set(keys);
    if (isMore) this.#watch.listAnew();
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }

  put(value: unknown): string | undefined {
    const trimmed = this.#trim(value);
    if (trimmed === undefined) return undefined;
    const changed = this.#index.put(trimmed);
    if (changed !== undefined) this.#tell(changed);
    return trimmed.pod.uid;
  }

  deleted(value: unknown): string | undefined {
    const uid = this.put(value); // Its last state, which may have ids that are new.
    if (uid !== undefined) this.#index.end(uid);
    return uid;
  }

  listed(uids: ReadonlySet<string>): void {
    this.#index.endAllBut(uids);
    this.#isListed = true;
    for (const pod of this.#index.pods()) this.#tell(pod);
  }

  heard(): void {
    this.#index.expire();
  }

  well(): void {
    this.#trouble = undefined;
  }

  unwell({ message }: ApiProblem): void {
    this.#trouble = { detail: message, sinceMs: this.#trouble?.sinceMs ?? this.#clock.wallMs() };
  }

  #trim(value: unknown): TrimmedPod | undefined {
    const { cut, dropped } = this.counts;
    const options = { annotations: this.#annotations, cut: (reason: keyof typeof cut) => cut[reason]++ };
    const trimmed = trimPod(value, options);
    if (trimmed === undefined) dropped.malformed++;
    else if (objectOf(objectOf(value)["spec"])["nodeName"] !== this.#node) dropped["other-node"]++;
    else return trimmed;
    return undefined;
  }

  /** A listener's mistake is the process's to report, and not the API server's. */
  #tell(pod: Pod): void {
    for (const listener of this.#listeners) {
      try {
        listener(pod);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
