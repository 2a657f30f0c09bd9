import type { ExecutableId } from "../model/brand.js";
import type { ProfileSamples, ProfileThread } from "../model/profile.js";
import { frameKind } from "../native/abi.generated.js";
import type { LocationTable } from "./location-table.js";

/**
 * Of each executable the processes that met it last and first in a window, where they are two: the last one is likely to be
 * there still, and the first one may be who lives long.
 */
export function whoRuns(
  executables: ReadonlySet<ExecutableId>,
  locations: LocationTable,
  samples: Pick<ProfileSamples, "length" | "stack" | "thread">,
  threads: readonly Pick<ProfileThread, "pid">[],
): Map<ExecutableId, readonly number[]> {
  const rows = Array.from({ length: samples.length }, (_, row) => row);
  const first = firstIn(rows, executables, locations, samples);
  const last = firstIn(rows.reverse(), executables, locations, samples);
  const pids = new Map<ExecutableId, readonly number[]>();
  for (const [id, row] of last) {
    const both = [row, first.get(id) ?? row].map((at) => threads[samples.thread[at]].pid);
    pids.set(id, [...new Set(both)]);
  }
  return pids;
}

/** The first of the rows in whose stack each executable is. */
function firstIn(
  rows: readonly number[],
  executables: ReadonlySet<ExecutableId>,
  locations: LocationTable,
  { stack }: Pick<ProfileSamples, "stack">,
): Map<ExecutableId, number> {
  const found = new Map<ExecutableId, number>();
  /** Locations that need no second look. */
  const seen = new Uint8Array(locations.length);
  for (const row of rows) {
    const end = locations.offsets[stack[row] + 1];
    for (let at = locations.offsets[stack[row]]; at < end; at++) {
      const location = locations.locations[at];
      if (seen[location] !== 0) continue;
      seen[location] = 1;
      if (locations.kind(location) !== frameKind.native) continue;
      const id = locations.executable(location);
      if (!found.has(id)) found.set(id, row);
    }
    if (found.size === executables.size) break;
  }
  return found;
}
