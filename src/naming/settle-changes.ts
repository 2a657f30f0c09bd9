import type { KernelSymbolChange, KernelSymbolChanges } from "../native/symbol-record.js";

/** A stretch of kernel addresses, and what was there during a window. */
export interface SettledPlace {
  /** Addresses as signed numbers, which are exact. */
  readonly start: number;
  readonly limit: number;
  /** "" where symbols of several names were for long, one after another: which one a sample saw cannot be said. */
  readonly name: string;
  readonly module: string;
  /** It does not hold for the window after this one. */
  readonly isStale: boolean;
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

/**
 * What a window's changes mean for its addresses: places, ascending and apart from each other. Undefined when there are too many
 * to say.
 */
export function settleChanges({ changes, fromNs, toNs }: KernelSymbolChanges): readonly SettledPlace[] | undefined {
  if (changes.length > MAX_CHANGES) return undefined;
  const lives = livesOf(changes, fromNs);
  const lengthNs = (life: Life): number =>
    life.endedNs + (life.sinceNs === undefined ? 0 : Number(toNs - life.sinceNs));
  lives.sort((one, other) => lengthNs(other) - lengthNs(one));
  const taken: { readonly life: Life; isDoubtful: boolean }[] = [];
  for (const life of lives) {
    const met = taken.filter((other) => meet(other.life, life));
    for (const other of met) other.isDoubtful ||= lengthNs(life) > lengthNs(other.life) * MOMENT_SHARE;
    if (met.length === 0) taken.push({ life, isDoubtful: false });
  }
  return taken
    .map(({ life: { start, limit, name, module, sinceNs }, isDoubtful }) => {
      return { start, limit, module, name: isDoubtful ? "" : name, isStale: isDoubtful || sinceNs === undefined };
    })
    .sort((one, other) => one.start - other.start);
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

function meet(one: Life, other: Life): boolean {
  return one.start < other.limit && other.start < one.limit;
}
