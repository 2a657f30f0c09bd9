import { frameTable, functionKey } from "../model/frame-table.js";
import type { CodeKind, Profile } from "../model/profile.js";

export interface HotFunction {
  readonly name: string;
  readonly kind: CodeKind;
  /** Base name of the executable, "kernel", "JIT", or "" when nothing is known. */
  readonly where: string;
  /** Samples whose leaf this is. */
  readonly samples: number;
  /** Ticks that those stand for: its own CPU time in periods. */
  readonly self: number;
  /** Ticks in whose stack this is, however often it is there. */
  readonly total: number;
}

export interface HottestFunctions {
  /** Samples of the whole profile. */
  readonly samples: number;
  /** Ticks of the whole profile: what shares are of. */
  readonly ticks: number;
  /** Functions seen, of which `functions` holds the first. */
  readonly distinct: number;
  /** Most self ticks first, then most total ticks, then by name. */
  readonly functions: readonly HotFunction[];
}

/** The functions that take the most CPU. Costs one pass over the distinct stacks. */
export function hottestFunctions(profile: Profile, top: number): HottestFunctions {
  const { stacks, samples } = profile;
  const table = frameTable(profile, functionKey);
  const self = new Float64Array(table.frames.length);
  const total = new Float64Array(table.frames.length);
  const selfSamples = new Float64Array(table.frames.length);
  // The last stack that counted toward a frame's total (plus one): recursion counts once a stack.
  const countedBy = new Uint32Array(table.frames.length);

  const ofStack = new Float64Array(stacks.length);
  const samplesOfStack = new Float64Array(stacks.length);
  let all = 0;
  let allTicks = 0;
  for (let row = 0; row < samples.length; row++) {
    ofStack[samples.stack[row]] += samples.ticks[row];
    samplesOfStack[samples.stack[row]] += samples.count[row];
    all += samples.count[row];
    allTicks += samples.ticks[row];
  }
  for (let stack = 0; stack < stacks.length; stack++) {
    const ticks = ofStack[stack];
    const leaf = stacks.offsets[stack];
    const end = stacks.offsets[stack + 1];
    if (ticks === 0 || leaf === end) continue;
    const innermost = table.indices[table.offsets[stacks.locations[leaf]]];
    self[innermost] += ticks;
    selfSamples[innermost] += samplesOfStack[stack];
    for (let i = leaf; i < end; i++) {
      const location = stacks.locations[i];
      for (let j = table.offsets[location]; j < table.offsets[location + 1]; j++) {
        const frame = table.indices[j];
        if (countedBy[frame] === stack + 1) continue;
        countedBy[frame] = stack + 1;
        total[frame] += ticks;
      }
    }
  }

  const seen = [...table.frames.keys()].filter((frame) => total[frame] > 0);
  seen.sort((a, b) => self[b] - self[a] || total[b] - total[a] || compareFrames(table.frames[a], table.frames[b]));
  const functions = seen.slice(0, top).map((frame) => {
    return { ...table.frames[frame], samples: selfSamples[frame], self: self[frame], total: total[frame] };
  });
  return { samples: all, ticks: allTicks, distinct: seen.length, functions };
}

interface NamedPlace {
  readonly name: string;
  readonly where: string;
}

function compareFrames(a: NamedPlace, b: NamedPlace): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  return a.where < b.where ? -1 : a.where > b.where ? 1 : 0;
}
