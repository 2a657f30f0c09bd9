import { isDeepStrictEqual } from "node:util";
import type { Pod } from "../model/pod.js";
import type { Clock } from "../util/clock.js";
import { withEarlierIds } from "./pod-containers.js";
import type { DropReason } from "./pod-counts.js";
import type { TrimmedPod } from "./trim-pod.js";

export interface PodIndexOptions {
  readonly clock: Clock;
  /** How long a pod that has ended is kept after its end, or its last use. */
  readonly keepMs: number;
  readonly maxPods: number;
  readonly maxEnded: number;
  readonly dropped: (reason: DropReason) => void;
}

interface Entry {
  pod: Pod;
  configHash: string | undefined;
  /** Monotonic; when it was last asked for, or ended. */
  usedMs: number;
  ended: boolean;
}

/**
 * The pods that are known, by uid, container id and configuration hash. A pod that was deleted, or that has run to its end, is
 * kept for a while: its samples may still be under way. Keyed by uid alone, so that a pod made again under an old name is
 * another one.
 */
export class PodIndex {
  readonly #options: PodIndexOptions;
  /** In order of arrival. */
  readonly #live = new Map<string, Entry>();
  /** The least recently used first. */
  readonly #ended = new Map<string, Entry>();
  readonly #byContainer = new Map<string, Entry>();
  readonly #byHash = new Map<string, Entry>();

  constructor(options: PodIndexOptions) {
    this.#options = options;
  }

  get livePods(): number {
    return this.#live.size;
  }

  get endedPods(): number {
    return this.#ended.size;
  }

  /** Of live pods, at this moment. */
  pods(): readonly Pod[] {
    return Array.from(this.#live.values(), ({ pod }) => pod);
  }

  byUid(uid: string): Pod | undefined {
    return this.#use(this.#live.get(uid) ?? this.#ended.get(uid) ?? this.#byHash.get(uid));
  }

  byContainerId(id: string): Pod | undefined {
    return this.#use(this.#byContainer.get(id));
  }

  /** Takes a pod as it is now; gives it when something that is kept of it is new. */
  put(trimmed: TrimmedPod): Pod | undefined {
    const { uid } = trimmed.pod;
    const known = this.#live.get(uid) ?? this.#ended.get(uid);
    if (known === undefined && this.#endedLongAgo(trimmed)) return undefined;
    const pod = known === undefined ? trimmed.pod : merged(trimmed.pod, known.pod);
    const isNew = known === undefined || !isDeepStrictEqual(pod, known.pod);
    const entry = known ?? { pod, configHash: undefined, usedMs: this.#now(), ended: false };
    if (isNew) {
      this.#unlink(entry);
      entry.pod = pod;
      entry.configHash = trimmed.configHash;
      this.#link(entry);
    }
    if (trimmed.ended) this.#end(entry);
    else this.#enliven(entry);
    const isKept = this.#live.get(uid) === entry || this.#ended.get(uid) === entry;
    return isNew && isKept ? pod : undefined;
  }

  /** The pod was deleted. */
  end(uid: string): void {
    const entry = this.#live.get(uid);
    if (entry !== undefined) this.#end(entry);
  }

  /** After a whole list: what is not in it was deleted meanwhile. */
  endAllBut(uids: ReadonlySet<string>): void {
    for (const [uid, entry] of this.#live) {
      if (!uids.has(uid)) this.#end(entry);
    }
  }

  /** Lets go of what was kept long enough. */
  expire(): void {
    const oldest = this.#now() - this.#options.keepMs;
    for (const entry of this.#ended.values()) {
      if (entry.usedMs < oldest) this.#remove(entry);
    }
  }

  #now(): number {
    return this.#options.clock.monotonicMs();
  }

  #use(entry: Entry | undefined): Pod | undefined {
    if (entry?.ended === true) {
      if (entry.usedMs < this.#now() - this.#options.keepMs) {
        this.#remove(entry);
        return undefined;
      }
      this.#touch(entry);
    }
    return entry?.pod;
  }

  #touch(entry: Entry): void {
    entry.usedMs = this.#now();
    this.#ended.delete(entry.pod.uid);
    this.#ended.set(entry.pod.uid, entry);
  }

  #end(entry: Entry): void {
    if (entry.ended) return;
    entry.ended = true;
    this.#live.delete(entry.pod.uid);
    this.#touch(entry);
    if (this.#ended.size <= this.#options.maxEnded) return;
    this.#options.dropped("too-many-ended");
    for (const oldest of this.#ended.values()) return this.#remove(oldest);
  }

  #enliven(entry: Entry): void {
    entry.ended = false;
    this.#ended.delete(entry.pod.uid);
    this.#live.set(entry.pod.uid, entry);
    if (this.#live.size <= this.#options.maxPods) return;
    // One that never started anything cannot be sampled, and tells so when it does.
    const least = [...this.#live.values()].find(({ pod }) => pod.containers.every(({ ids }) => ids.length === 0));
    this.#options.dropped("too-many-pods");
    this.#remove(least ?? entry);
  }

  #remove(entry: Entry): void {
    this.#live.delete(entry.pod.uid);
    this.#ended.delete(entry.pod.uid);
    this.#unlink(entry);
  }

  #link(entry: Entry): void {
    for (const { ids } of entry.pod.containers) {
      for (const id of ids) this.#claim(this.#byContainer, id, entry);
    }
    if (entry.configHash !== undefined) this.#claim(this.#byHash, entry.configHash, entry);
  }

  #unlink(entry: Entry): void {
    for (const { ids } of entry.pod.containers) {
      for (const id of ids) if (this.#byContainer.get(id) === entry) this.#byContainer.delete(id);
    }
    const { configHash } = entry;
    if (configHash !== undefined && this.#byHash.get(configHash) === entry) this.#byHash.delete(configHash);
  }

  /** What one live pod has no other one takes; only a forged status or annotation says otherwise. */
  #claim(index: Map<string, Entry>, key: string, entry: Entry): void {
    const holder = index.get(key);
    if (holder !== undefined && holder !== entry && !holder.ended) this.#options.dropped("claimed");
    else index.set(key, entry);
  }

  /** A list may bring thousands that were evicted in the past; they would push out those that ended a moment ago. */
  #endedLongAgo({ ended, finishedMs }: TrimmedPod): boolean {
    return ended && finishedMs !== undefined && finishedMs < this.#options.clock.wallMs() - this.#options.keepMs;
  }
}

/** The API tells of a container the present id and the one before; we remember some more. */
function merged(pod: Pod, earlier: Pod): Pod {
  const containers = withEarlierIds(pod.containers, earlier.containers);
  return Object.freeze({ ...pod, containers });
}
