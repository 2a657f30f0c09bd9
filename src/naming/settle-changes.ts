import type { KernelSymbolChange, KernelSymbolChanges } from "../native/symbol-record.js";

/** A stretch of kernel addresses and what is there. */
export interface SymbolPlace {
  /** Addresses as signed numbers, which are exact. */
  readonly start: number;
  readonly limit: number;
  /** "" where symbols of several names were for long, one after another: which one a sample saw cannot be said. */
  readonly name: string;
  readonly module: string;
}

/** What a window's changes mean for its addresses. Both ascending, and apart from each other. */
export interface SettledChanges {
  /** What was where, for samples of the window. */
  readonly during: readonly SymbolPlace[];
  /** What is there at its end: of the same places those that are no others' or nobody's by now. */
  readonly after: readonly SymbolPlace[];
}

/** A symbol at its place, and for how long it was there. */
interface Life {
  readonly start: number;
  readonly limit: number;
  readonly name: string;
  readonly module: string;
  /** Nanoseconds that have ended; the present one began at `sinceNs`. */
  endedNs: number;
  sinceNs: bigint | undefined;
}

/** More than any node changes in a window; each is held against all others. */
const MAX_CHANGES = 2000;
/**
 * Who loads a program tries the kernel with small ones first, which live for microseconds and leave it their place. Of two symbols
 * at one place the longer-lived has nearly all samples when the other was there for less than this share of its time.
 */
const MOMENT_SHARE = 0.05;

/** Undefined when there are too many to say. */
export function settleChanges({ changes, fromNs, toNs }: KernelSymbolChanges): SettledChanges | undefined {
  if (changes.length > MAX_CHANGES) return undefined;
  const lives = livesOf(changes, fromNs);
  const lengthNs = (life: Life): number =>
    life.endedNs + (life.sinceNs === undefined ? 0 : Number(toNs - life.sinceNs));
  lives.sort((one, other) => lengthNs(other) - lengthNs(one));
  const taken: { readonly life: Life; isDoubtful: boolean }[] = [];
  const present: Life[] = [];
  for (const life of lives) {
    const met = taken.filter((other) => meet(other.life, life));
    for (const other of met) other.isDoubtful ||= lengthNs(life) > lengthNs(other.life) * MOMENT_SHARE;
    if (met.length === 0) taken.push({ life, isDoubtful: false });
    // Two that are there at once are apart, unless what made one room was not told.
    if (life.sinceNs !== undefined && !present.some((other) => meet(other, life))) present.push(life);
  }
  return {
    during: inOrder(taken.map(({ life, isDoubtful }) => placeOf(life, isDoubtful ? "" : life.name))),
    after: inOrder(present.map((life) => placeOf(life, life.name))),
  };
}

function placeOf({ start, limit, module }: Life, name: string): SymbolPlace {
  return { start, limit, name, module };
}

function inOrder(places: SymbolPlace[]): readonly SymbolPlace[] {
  return places.sort((one, other) => one.start - other.start);
}

/** Each symbol at each place once, however often it came and went. */
function livesOf(changes: readonly KernelSymbolChange[], fromNs: bigint): Life[] {
  const lives = new Map<string, Life>();
  for (const { address, length, name, module, made, timeNs } of changes) {
    const key = `${address} ${length} ${name}`;
    const start = Number(BigInt.asIntN(64, address));
    let life = lives.get(key);
    if (life === undefined) {
      life = {
        start,
        limit: start + Math.max(length, 1),
        name,
        module,
        endedNs: 0,
        sinceNs: made ? undefined : fromNs,
      };
      lives.set(key, life);
    }
    if (made) life.sinceNs ??= timeNs;
    else if (life.sinceNs !== undefined) {
      life.endedNs += Math.max(0, Number(timeNs - life.sinceNs));
      life.sinceNs = undefined;
    }
  }
  return [...lives.values()];
}

type Extent = Pick<SymbolPlace, "start" | "limit">;

/** Whether they have an address in common. */
export function meet(one: Extent, other: Extent): boolean {
  return one.start < other.limit && other.start < one.limit;
}
