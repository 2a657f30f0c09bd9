import type { PassingSample } from "../capture/passing-sample.js";
import type { OwnerTable } from "../capture/owner-table.js";
import type { CodeKind } from "../model/profile.js";
import type { ProcessKey } from "../model/process-key.js";
import type { LineChains, NamedFunction } from "../symbols/resolver.js";
import type { LocationTable } from "./location-table.js";

/**
 * Distinct frames of one kind in one process, which mean nothing in another: JIT code, an interpreter's functions. Columns
 * parallel to each other, in order of address.
 */
export interface BoundFrames {
  readonly process: ProcessKey;
  /** enum abi_frame_kind. */
  readonly kind: number;
  /** In memory of the process: an instruction of JIT code, or what an interpreter runs. */
  readonly addresses: Float64Array;
  /** Of interpreters' frames, else zeros: what the kind has 12 bits for; what tells apart things at one address; where in it. */
  readonly types: Uint16Array;
  readonly cookies: Uint32Array;
  readonly positions: Uint32Array;
}

/** Their names. */
export interface BoundNames {
  readonly codeKind: Extract<CodeKind, "jit" | "interpreter">;
  /** What pprof shows as the file that they lie in: "[python]". */
  readonly mapping: string;
  /** Of each frame, index into chains; -1 where it has no name, which who answers has counted under a reason. */
  readonly chainIndices: Int32Array;
  readonly chains: LineChains;
  readonly functions: readonly NamedFunction[];
}

/** Who knows the names of one kind of such frames: a language, or JIT code. */
export interface BoundKind {
  /** Some window meets a stack with such a frame for the first time, while its process may live. Take from the sample what is needed. */
  sight(sample: PassingSample): void;
  /** Never rejects: what cannot be named has no name. */
  bound(frames: BoundFrames): Promise<BoundNames>;
  /** A window was written, or given up; `waiting`: how many still are to be. What only they need is let go. */
  windowWritten(waiting: number): void;
  close(): void;
}

/** Names of a window's locations that mean something in one process only, parallel to them. */
export interface NamedBound {
  readonly locations: Uint32Array;
  readonly names: BoundNames;
}

/** Asks for names, by process and kind; what nobody knows the kind of is left out. */
export async function nameBound(
  table: LocationTable,
  owners: OwnerTable,
  ask: (frames: BoundFrames) => Promise<BoundNames | undefined>,
): Promise<NamedBound[]> {
  const named: NamedBound[] = [];
  for (const { owner, kind, locations } of table.bound()) {
    if (owner === 0) continue; // the kernel side says whose such a frame is, unless it has a bug
    const names = await ask({
      process: owners.at(owner - 1),
      kind,
      addresses: Float64Array.from(locations, (location) => table.userAddress(location)),
      types: Uint16Array.from(locations, (location) => table.type(location)),
      cookies: Uint32Array.from(locations, (location) => table.cookie(location)),
      positions: Uint32Array.from(locations, (location) => table.position(location)),
    });
    if (names !== undefined) named.push({ locations, names });
  }
  return named;
}
