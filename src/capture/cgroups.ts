import type { CgroupId, CgroupPath } from "../model/cgroup.js";
import { cgroupFlag, cgroupLayout } from "../native/abi.generated.js";
import type { Session } from "../native/addon.js";
import { errnoOf } from "../util/errno.js";
import { u32Bytes } from "../util/u32-bytes.js";
import { DEFAULT_DIVISOR } from "./sampler.js";

/** What the kernel side counted of one cgroup since it was first seen. */
export interface CgroupCounts {
  /** That hit it, sampled or not. */
  readonly ticks: bigint;
  /** Of those, refused by a divisor of 0. */
  readonly refused: bigint;
}

/** What BPF sees of one cgroup, and what is remembered of it here. */
interface Known {
  /** Undefined until its first tick was announced: only its policy is known. */
  path: CgroupPath | undefined;
  divisor: number;
  /** Ticks at the last call of forget. */
  ticks: bigint;
}

const MAP = "cgroups";
export const MAX_DIVISOR = 255;

/**
 * The cgroups that were sampled, by id: their paths, as the kernel side announces them at their first tick, and what
 * part of their ticks is sampled, which it decides before it unwinds anything. As many as the kernel's map has room for
 * (ABI_MAX_CGROUPS); {@link forget} makes room.
 */
export class CgroupTable {
  private readonly known = new Map<CgroupId, Known>();
  private readonly listeners: ((path: CgroupPath) => void)[] = [];
  private readonly key = new BigUint64Array(1);
  private readonly value = new Uint8Array(cgroupLayout.sizeOf);
  private readonly view = new DataView(this.value.buffer);

  /** defaultDivisor: what the kernel side was told to give a cgroup at its first tick. */
  constructor(
    private readonly session: Pick<Session, "updateElement" | "lookupElement" | "deleteElement">,
    private defaultDivisor: number,
  ) {}

  get size(): number {
    return this.known.size;
  }

  /** Every cgroup of which a path or a policy is known. */
  ids(): Iterable<CgroupId> {
    return this.known.keys();
  }

  /** Undefined for a cgroup that was not sampled yet, or was forgotten. */
  path(id: CgroupId): CgroupPath | undefined {
    return this.known.get(id)?.path;
  }

  /** Called once for each cgroup, as its first record is drained; again when it is back after it was forgotten. None is told of what came before. */
  onSight(listener: (path: CgroupPath) => void): void {
    this.listeners.push(listener);
  }

  /** The kernel side has announced a cgroup. */
  seen(path: CgroupPath): void {
    const known = this.known.get(path.id);
    // It may come twice: two CPUs at once, or a policy set before its first tick.
    if (known?.path !== undefined) {
      return;
    }
    if (known === undefined) {
      // The kernel's own word: its first tick may have been before the default changed.
      const divisor = this.read(path.id) ? this.view.getUint32(cgroupLayout.divisor, true) : this.defaultDivisor;
      this.known.set(path.id, { path, divisor, ticks: 0n });
    } else {
      known.path = path;
    }
    for (const listener of this.listeners) {
      listener(path);
    }
  }

  /**
   * What a cgroup begins with at its first tick from now on, 0 or 1. Those that had one keep what they have, and those whose
   * announcement is still under way too: each is told its own by whoever hears of it.
   */
  setDefaultDivisor(divisor: number): void {
    this.session.updateElement(DEFAULT_DIVISOR.map, DEFAULT_DIVISOR.key, u32Bytes(divisor));
    this.defaultDivisor = divisor;
  }

  /**
   * From now on one tick in `divisor` (1 to 255) of the cgroup is sampled, none when it is 0. Holds for a cgroup that
   * was never sampled too. False when the kernel's table is full and the policy could not be kept. Ticks of this
   * cgroup while this runs, some microseconds, may be missing in {@link counts}; the statistics have them.
   */
  setDivisor(id: CgroupId, divisor: number): boolean {
    if (!Number.isInteger(divisor) || divisor < 0 || divisor > MAX_DIVISOR) {
      throw new RangeError(`a divisor of ${divisor} for a cgroup: it must be a whole number from 0 to ${MAX_DIVISOR}`);
    }
    const known = this.known.get(id);
    if (known?.divisor === divisor) {
      return true;
    }
    if (!this.read(id)) {
      this.value.fill(0);
    }
    this.view.setUint32(cgroupLayout.divisor, divisor, true);
    // By what is known here: an announcement that the kernel takes back meanwhile is made again, at worst twice.
    this.view.setUint32(cgroupLayout.flags, known?.path === undefined ? 0 : cgroupFlag.announced, true);
    try {
      this.session.updateElement(MAP, this.keyOf(id), this.value);
    } catch (error) {
      if (errnoOf(error) === "E2BIG") {
        return false;
      }
      throw error;
    }
    if (known === undefined) {
      this.known.set(id, { path: undefined, divisor, ticks: 0n });
    } else {
      known.divisor = divisor;
    }
    return true;
  }

  /** Undefined for a cgroup that the kernel side does not know. */
  counts(id: CgroupId): CgroupCounts | undefined {
    return this.read(id)
      ? {
          ticks: this.view.getBigUint64(cgroupLayout.ticks, true),
          refused: this.view.getBigUint64(cgroupLayout.refused, true),
        }
      : undefined;
  }

  /**
   * At a window's end: forgets, here and in the kernel, each cgroup that had no tick since the last call and is not in
   * `keep`. A cgroup that ticks again is announced again, and begins with the default policy: `keep` holds those that
   * live and have another. Gives how many were forgotten.
   */
  forget(keep: ReadonlySet<CgroupId>): number {
    let forgotten = 0;
    for (const [id, known] of this.known) {
      const ticks = this.read(id) ? this.view.getBigUint64(cgroupLayout.ticks, true) : known.ticks;
      if (ticks !== known.ticks || keep.has(id)) {
        known.ticks = ticks;
        continue;
      }
      this.session.deleteElement(MAP, this.keyOf(id));
      this.known.delete(id);
      forgotten++;
    }
    return forgotten;
  }

  /** The kernel's entry into {@link value}; false when there is none. */
  private read(id: CgroupId): boolean {
    return this.session.lookupElement(MAP, this.keyOf(id), this.value);
  }

  private keyOf(id: CgroupId): Uint8Array {
    this.key[0] = id;
    return new Uint8Array(this.key.buffer);
  }
}
