/** Waits between the tries of an id that no runtime knows: a container's cgroup is there before its runtime lists it. */
const RETRY_MS = [250, 1000, 4000];
/** After those, for as long as somebody asks. */
const LATER_MS = 45_000;
const MAX_MISSING = 4096;

interface Miss {
  tries: number;
  retryMs: number;
  /** Ids further in, to be looked for once this one is given up. */
  next: readonly string[];
}

/** Ids that were sought in vain: when each is sought again, and which are no container's by now. */
export class MissingContainers {
  /** The oldest first. */
  private readonly misses = new Map<string, Miss>();

  get size(): number {
    return this.misses.size;
  }

  /** A search ended in vain. `next` are the ids further in. True when it is given up with this one. */
  miss(id: string, next: readonly string[], nowMs: number): boolean {
    const tries = (this.misses.get(id)?.tries ?? 0) + 1;
    this.misses.delete(id);
    this.misses.set(id, { tries, retryMs: nowMs + (RETRY_MS[tries - 1] ?? LATER_MS), next });
    for (const oldest of this.misses.keys()) {
      if (this.misses.size <= MAX_MISSING) break;
      this.misses.delete(oldest);
    }
    return tries === RETRY_MS.length + 1;
  }

  forget(id: string): void {
    this.misses.delete(id);
  }

  /** Whether the id may be asked for now. */
  isDue(id: string, nowMs: number): boolean {
    const miss = this.misses.get(id);
    return miss === undefined || nowMs >= miss.retryMs;
  }

  /** Whether it is no container's, as far as several tries can tell. */
  isGivenUp(id: string): boolean {
    return (this.misses.get(id)?.tries ?? 0) > RETRY_MS.length;
  }

  /** Those that are tried again by themselves, and are due, with the ids further in. */
  due(nowMs: number): readonly (readonly [id: string, next: readonly string[]])[] {
    return [...this.misses]
      .filter(([, { tries, retryMs }]) => tries <= RETRY_MS.length && nowMs >= retryMs)
      .map(([id, { next }]) => [id, next]);
  }

  /** When the next of them is due; undefined when none is. */
  nextDueMs(): number | undefined {
    let dueMs: number | undefined;
    for (const { tries, retryMs } of this.misses.values()) {
      if (tries <= RETRY_MS.length) dueMs = Math.min(dueMs ?? retryMs, retryMs);
    }
    return dueMs;
  }
}
