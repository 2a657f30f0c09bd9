import type { BudgetLimits } from "../budget/limits.js";

const MIB = 1 << 20;

/** What each part may hold, when nothing is shed. */
export interface BudgetSizes {
  /** A window is ended early when its columns take more. A minute of 64 busy CPUs at 19 Hz takes some 15 MiB. */
  readonly windowBytes: number;
  /** Stack copies that wait for rows. */
  readonly pendingBytes: number;
  readonly unwindBytes: number;
  /** Samples on their way out of the kernel: a power of two. */
  readonly ringBytes: number;
  /** Names remembered from window to window. */
  readonly nameBytes: number;
  /** What was read of the files in which processes tell their just-in-time compiled code. */
  readonly boundBytes: number;
  /** A hostile file is to end the worker, which is started anew, and not this process; undefined: as much as it ever may. */
  readonly workerHeapMb: number | undefined;
}

const WINDOW_BYTES = 32 * MIB;
const NAME_BYTES = 8 * MIB;
const BOUND_BYTES = 8 * MIB;

/** Of the agent, without what is listed here: loaded, sampling, its heap grown to what a window's labels take. */
const BASE_BYTES = 80 * MIB;
const LEAST_ROOM_BYTES = 12 * MIB;
/**
 * Each part's share of the room above that, and its least. A window is held twice over, one sampled and one written; with its profiles
 * it takes six times its columns at worst (measured: 20,000 stacks of 60 frames each, no two alike). Not all parts are full at once: what
 * is left is what shedding is for.
 */
const SHARES = {
  window: { part: 1 / 6, least: 4 * MIB },
  pending: { part: 1 / 4, least: 3 * MIB },
  unwind: { part: 1 / 2, least: 6 * MIB },
  ring: { part: 1 / 16, least: 2 * MIB },
  names: { part: 1 / 12, least: MIB },
  bound: { part: 1 / 24, least: MIB / 2 },
} as const;
const LEAST_WORKER_MB = 32;

/** What parts take at most, whatever the limit. */
export interface MostBytes {
  readonly unwindBytes: number;
  readonly pendingBytes: number;
  readonly ringBytes: number;
}

/** Sizes that fit a limit. Naming a window keeps the event loop busy: what it takes must be bounded before, not after a look. */
export function budgetSizes({ memory }: BudgetLimits, most: MostBytes): BudgetSizes {
  if (memory === undefined) {
    return {
      ...most,
      windowBytes: WINDOW_BYTES,
      nameBytes: NAME_BYTES,
      boundBytes: BOUND_BYTES,
      workerHeapMb: undefined,
    };
  }
  const room = Math.max(LEAST_ROOM_BYTES, memory.bytes - BASE_BYTES);
  const within = (bytes: number, { part, least }: { readonly part: number; readonly least: number }): number =>
    Math.min(bytes, Math.max(least, Math.floor(room * part)));
  return {
    windowBytes: within(WINDOW_BYTES, SHARES.window),
    pendingBytes: within(most.pendingBytes, SHARES.pending),
    unwindBytes: within(most.unwindBytes, SHARES.unwind),
    ringBytes: 2 ** Math.floor(Math.log2(within(most.ringBytes, SHARES.ring))),
    nameBytes: within(NAME_BYTES, SHARES.names),
    boundBytes: within(BOUND_BYTES, SHARES.bound),
    workerHeapMb: Math.max(LEAST_WORKER_MB, Math.floor(room / MIB)),
  };
}
