import type { MemoryProblem } from "../process-memory.js";
import type { Extent } from "../../util/extent.js";
import type { Chain } from "./chain.js";
import type { MethodName } from "./method-reader.js";
import { PlacedChains } from "./placed-chains.js";

/** Why a frame of the JVM has no name. */
export const HOTSPOT_MISSES = [
  /** What it pointed to was another by the time that it was read: unloaded, or compiled anew. */
  "reused",
  /** Its memory could not be read, or is not what it should be. */
  "unreadable",
  /** The process's libjvm.so is not known to the kernel side any more. */
  "no-layout",
  /** Nothing is read of that process: the policy redacts it. */
  "redacted",
  /** More was to be read than may be. */
  "over-budget",
  /** The window ended while it was still to be read. */
  "not-in-time",
  /** Nobody looked: the agent came near its budget. */
  "shed",
] as const;
export type HotspotMiss = (typeof HOTSPOT_MISSES)[number] | MemoryProblem;

/** What frames of one type, address and cookie point to: a method, its compiled code, or other code. */
export interface Thing {
  readonly type: number;
  readonly address: number;
  readonly cookie: number;
  /** What lay at its address before, if it is still remembered. */
  older: Thing | undefined;
  /** An interpreted method, or other code; of compiled code undefined. */
  method: MethodName | undefined;
  /** Of compiled code: what is at the positions that were asked for, and around them. */
  readonly chains: PlacedChains;
  /** Positions still to be read. */
  readonly wanted: Set<number>;
  /** Why it has no name, or why the positions have none that were asked for last. */
  miss: HotspotMiss | undefined;
  /** The window that it was met in last. */
  window: number;
}

const THING_BYTES = 400;
const RANGE_BYTES = 80;
const ACTIVATION_BYTES = 48;

/** What is remembered of one process, by address. */
export class Things {
  private readonly newest = new Map<number, Thing>();
  private ranges = 0;
  private activations = 0;
  size = 0;

  get bytes(): number {
    return this.size * THING_BYTES + this.ranges * RANGE_BYTES + this.activations * ACTIVATION_BYTES;
  }

  find(type: number, address: number, cookie: number): Thing | undefined {
    let thing = this.newest.get(address);
    while (thing !== undefined && (thing.cookie !== cookie || thing.type !== type)) thing = thing.older;
    return thing;
  }

  add(type: number, address: number, cookie: number, window: number): Thing {
    const older = this.newest.get(address);
    const thing: Thing = {
      ...{ type, address, cookie, older, method: undefined, miss: undefined, window },
      ...{ chains: new PlacedChains(), wanted: new Set() },
    };
    this.newest.set(address, thing);
    this.size++;
    return thing;
  }

  addChain(thing: Thing, range: Extent, chain: Chain): void {
    thing.chains.add(range, chain);
    this.ranges++;
    this.activations += chain.length;
  }

  /** Forgets what no window since that one has met. */
  forgetBefore(window: number): void {
    const all = [...this.newest.values()];
    this.newest.clear();
    this.size = this.ranges = this.activations = 0;
    for (const first of all) {
      const kept: Thing[] = [];
      for (let thing: Thing | undefined = first; thing !== undefined; thing = thing.older) {
        if (thing.window >= window) kept.push(thing);
      }
      for (const thing of kept.reverse()) {
        thing.older = this.newest.get(thing.address);
        this.newest.set(thing.address, thing);
        this.size++;
        this.ranges += thing.chains.size;
        for (const { chain } of thing.chains) this.activations += chain.length;
      }
    }
  }
}
