import type { Container } from "../model/container.js";

/** A node of 250 pods has 500 containers and sandboxes; the rest is room for those that ended. */
const MAX_CONTAINERS = 4096;
/** A container that nobody asked for so long is forgotten; one that ended was asked for until its last window was labelled. */
const IDLE_MS = 10 * 60_000;

interface Entry {
  container: Container;
  /** All that its runtime tells; else what a list told, which is less. */
  whole: boolean;
  usedMs: number;
}

/** The containers known, by id; those least asked for go first. */
export class KnownContainers {
  /** In order of use, the least recent first: a Map iterates in order of insertion. */
  private readonly entries = new Map<string, Entry>();

  get size(): number {
    return this.entries.size;
  }

  /** The container, used now. */
  use(id: string, nowMs: number): Readonly<Entry> | undefined {
    const entry = this.entries.get(id);
    if (entry === undefined) return undefined;
    entry.usedMs = nowMs;
    this.entries.delete(id);
    this.entries.set(id, entry);
    return entry;
  }

  /** Takes what a runtime says of a container. True when that is news. */
  learn(container: Container, whole: boolean, nowMs: number): boolean {
    const known = this.entries.get(container.id);
    if (known === undefined) {
      this.entries.set(container.id, { container, whole, usedMs: nowMs });
      this.evict();
      return true;
    }
    // Docker's containers are containerd's too, which knows no name of them.
    if (worth(known.container) > worth(container)) return false;
    // A list has no variables, and says nothing of those that are known.
    const merged = whole ? container : Object.freeze({ ...container, variables: known.container.variables });
    if (isSame(known.container, merged)) {
      known.whole ||= whole;
      return false;
    }
    known.container = merged;
    known.whole = whole;
    return true;
  }

  /** Forgets who was not asked for in a while. */
  sweep(nowMs: number): void {
    for (const [id, { usedMs }] of this.entries) {
      if (nowMs - usedMs > IDLE_MS) this.entries.delete(id);
    }
  }

  private evict(): void {
    for (const id of this.entries.keys()) {
      if (this.entries.size <= MAX_CONTAINERS) return;
      this.entries.delete(id);
    }
  }
}

/** How much a description tells, to choose between two runtimes' of one container. */
function worth({ name, pod, image }: Container): number {
  return (pod === undefined ? 0 : 4) + (name === "" ? 0 : 2) + (image === "" ? 0 : 1);
}

function isSame(a: Container, b: Container): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
