import type {
  Profile,
  ProfileFunction,
  ProfileLocation,
  ProfileMapping,
  ProfileSamples,
  ProfileThread,
} from "../model/profile.js";

/**
 * One profile for each group of threads: groups[thread] is the number of its group, from zero on. Each profile holds
 * what its own samples need and nothing else, in the order in which they need it, under the whole's times; together they
 * are the whole, sample for sample. They come one at a time, by number, those without samples left out: a large window's
 * are never all in memory, and whoever takes one may let the event loop turn before the next.
 */
export function* splitProfile(profile: Profile, groups: Uint32Array): Generator<ProfileGroup, void, undefined> {
  if (groups.length !== profile.threads.length) {
    throw new RangeError(`${groups.length} groups were given for ${profile.threads.length} threads; give each its own`);
  }
  const rows = rowsByGroup(profile.samples, groups);
  const scratch = new Scratch(profile);
  for (const [group, ofGroup] of rows) {
    yield { group, profile: new Part(profile, scratch, ofGroup).profile() };
  }
}

/**
 * The same samples as two profiles, each of half the rows; undefined where there is no more than one row. For what is too
 * large for one request: a reader that adds both up has the whole.
 */
export function halveProfile(profile: Profile): readonly [Profile, Profile] | undefined {
  const { length } = profile.samples;
  if (length < 2) return undefined;
  const scratch = new Scratch(profile);
  const rows = Uint32Array.from({ length }, (_, row) => row);
  const middle = Math.ceil(length / 2);
  return [
    new Part(profile, scratch, rows.subarray(0, middle)).profile(),
    new Part(profile, scratch, rows.subarray(middle)).profile(),
  ];
}

export interface ProfileGroup {
  readonly group: number;
  readonly profile: Profile;
}

/** Sample rows of each group that has any, groups in order of their numbers. */
function rowsByGroup(samples: ProfileSamples, groups: Uint32Array): [group: number, rows: Uint32Array][] {
  const counts = new Map<number, number>();
  for (let row = 0; row < samples.length; row++) {
    const group = groups[samples.thread[row]];
    counts.set(group, (counts.get(group) ?? 0) + 1);
  }
  const rows = new Map([...counts].map(([group, count]) => [group, new Uint32Array(count)]));
  const next = new Map<number, number>();
  for (let row = 0; row < samples.length; row++) {
    const group = groups[samples.thread[row]];
    const at = next.get(group) ?? 0;
    rows.get(group)![at] = row;
    next.set(group, at + 1);
  }
  return [...rows].sort((a, b) => a[0] - b[0]);
}

/** Where a part puts what it takes from the whole: row + 1 there, 0 for not taken. Cleared after each part. */
class Scratch {
  readonly stacks: Uint32Array;
  readonly locations: Uint32Array;
  readonly functions: Uint32Array;
  readonly mappings: Uint32Array;
  readonly threads: Uint32Array;

  constructor(profile: Profile) {
    this.stacks = new Uint32Array(profile.stacks.length);
    this.locations = new Uint32Array(profile.locations.length);
    this.functions = new Uint32Array(profile.functions.length);
    this.mappings = new Uint32Array(profile.mappings.length);
    this.threads = new Uint32Array(profile.threads.length);
  }
}

/** One group's profile while it is put together. */
class Part {
  private readonly stacks: number[] = [];
  private readonly locations: number[] = [];
  private readonly functions: number[] = [];
  private readonly mappings: number[] = [];
  private readonly threads: number[] = [];

  constructor(
    private readonly whole: Profile,
    private readonly scratch: Scratch,
    private readonly rows: Uint32Array,
  ) {}

  profile(): Profile {
    const { whole, scratch, rows } = this;
    const samples: ProfileSamples = {
      length: rows.length,
      stack: rows.map((row) => take(whole.samples.stack[row], scratch.stacks, this.stacks)),
      thread: rows.map((row) => take(whole.samples.thread[row], scratch.threads, this.threads)),
      count: rows.map((row) => whole.samples.count[row]),
      ticks: rows.map((row) => whole.samples.ticks[row]),
    };
    const stacks = this.takeStacks();
    const locations = this.locations.map((location) => this.takeLocation(whole.locations[location]));
    const part: Profile = {
      timeNs: whole.timeNs,
      durationNs: whole.durationNs,
      periodNs: whole.periodNs,
      mappings: this.mappings.map((mapping): ProfileMapping => whole.mappings[mapping]),
      functions: this.functions.map((fn): ProfileFunction => whole.functions[fn]),
      locations,
      stacks,
      threads: this.threads.map((thread): ProfileThread => whole.threads[thread]),
      samples,
    };
    this.clear();
    return part;
  }

  private takeStacks(): Profile["stacks"] {
    const { offsets, locations } = this.whole.stacks;
    const own = new Uint32Array(this.stacks.length + 1);
    for (const [row, stack] of this.stacks.entries()) {
      own[row + 1] = own[row] + offsets[stack + 1] - offsets[stack];
    }
    const columns = new Uint32Array(own[this.stacks.length]);
    let next = 0;
    for (const stack of this.stacks) {
      for (let at = offsets[stack]; at < offsets[stack + 1]; at++) {
        columns[next++] = take(locations[at], this.scratch.locations, this.locations);
      }
    }
    return { length: this.stacks.length, offsets: own, locations: columns };
  }

  private takeLocation({ mappingIndex, address, kind, lines }: ProfileLocation): ProfileLocation {
    const { scratch, mappings, functions } = this;
    return {
      mappingIndex: mappingIndex < 0 ? mappingIndex : take(mappingIndex, scratch.mappings, mappings),
      address,
      kind,
      lines: lines.map(({ functionIndex, line }) => ({
        functionIndex: take(functionIndex, scratch.functions, functions),
        line,
      })),
    };
  }

  private clear(): void {
    const { scratch } = this;
    forget(this.stacks, scratch.stacks);
    forget(this.locations, scratch.locations);
    forget(this.functions, scratch.functions);
    forget(this.mappings, scratch.mappings);
    forget(this.threads, scratch.threads);
  }
}

/** The part's row of a row of the whole, taken now if it was not yet. */
function take(row: number, places: Uint32Array, taken: number[]): number {
  if (places[row] === 0) {
    places[row] = taken.push(row);
  }
  return places[row] - 1;
}

function forget(taken: readonly number[], places: Uint32Array): void {
  for (const row of taken) {
    places[row] = 0;
  }
}
