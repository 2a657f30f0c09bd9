import type {
  Profile,
  ProfileFunction,
  ProfileLine,
  ProfileLocation,
  ProfileMapping,
  ProfileThread,
} from "../model/profile.js";

/** A part, and what is to be said of each of its threads. */
export interface LabelledPart {
  readonly profile: Profile;
  readonly labels: ReadonlyMap<string, string>;
}

export interface MergedProfile {
  readonly profile: Profile;
  /** Parallel to the profile's threads; those of one part share one. */
  readonly threadLabels: readonly ReadonlyMap<string, string>[];
}

/** What there is to say where there is no part. */
export type MergedTimes = Pick<Profile, "timeNs" | "durationNs" | "periodNs">;

/**
 * One profile with the samples of all parts, sample for sample, in their order. What the parts of one whole share (mappings
 * and functions by identity, locations by what they are) is there once; stacks are each part's own.
 */
export function mergeProfiles(parts: readonly LabelledPart[], times: MergedTimes): MergedProfile {
  const merge = new Merge();
  for (const part of parts) merge.add(part);
  return merge.finish(times);
}

/** Rows of all parts put one behind another. */
class Merge {
  private readonly mappings = new Interner<ProfileMapping, ProfileMapping>((mapping) => mapping);
  private readonly functions = new Interner<ProfileFunction, ProfileFunction>((fn) => fn);
  private readonly locations = new Interner<ProfileLocation, string>(locationKey);
  private readonly threads: ProfileThread[] = [];
  private readonly threadLabels: ReadonlyMap<string, string>[] = [];
  private readonly offsets: number[] = [0];
  private readonly frames: number[] = [];
  private readonly stack: number[] = [];
  private readonly thread: number[] = [];
  private readonly count: number[] = [];
  private readonly ticks: number[] = [];

  add({ profile, labels }: LabelledPart): void {
    const { stacks, samples } = profile;
    const locations = this.takeLocations(profile);
    const firstStack = this.offsets.length - 1;
    const firstThread = this.threads.length;
    const firstFrame = this.frames.length;
    for (const location of stacks.locations) this.frames.push(locations[location]);
    for (let stack = 0; stack < stacks.length; stack++) this.offsets.push(firstFrame + stacks.offsets[stack + 1]);
    for (const thread of profile.threads) {
      this.threads.push(thread);
      this.threadLabels.push(labels);
    }
    for (let row = 0; row < samples.length; row++) {
      this.stack.push(firstStack + samples.stack[row]);
      this.thread.push(firstThread + samples.thread[row]);
      this.count.push(samples.count[row]);
      this.ticks.push(samples.ticks[row]);
    }
  }

  finish({ timeNs, durationNs, periodNs }: MergedTimes): MergedProfile {
    const profile: Profile = {
      ...{ timeNs, durationNs, periodNs },
      mappings: this.mappings.values,
      functions: this.functions.values,
      locations: this.locations.values,
      stacks: {
        length: this.offsets.length - 1,
        offsets: Uint32Array.from(this.offsets),
        locations: Uint32Array.from(this.frames),
      },
      threads: this.threads,
      samples: {
        length: this.stack.length,
        stack: Uint32Array.from(this.stack),
        thread: Uint32Array.from(this.thread),
        count: Uint32Array.from(this.count),
        ticks: Uint32Array.from(this.ticks),
      },
    };
    return { profile, threadLabels: this.threadLabels };
  }

  /** For each location of a part its row here. */
  private takeLocations({ mappings, functions, locations }: Profile): Uint32Array {
    const mappingRows = mappings.map((mapping) => this.mappings.rowOf(mapping));
    const functionRows = functions.map((fn) => this.functions.rowOf(fn));
    return Uint32Array.from(locations, ({ mappingIndex, address, kind, lines }) =>
      this.locations.rowOf({
        mappingIndex: mappingIndex < 0 ? mappingIndex : mappingRows[mappingIndex],
        ...{ address, kind },
        lines: lines.map(({ functionIndex, line }): ProfileLine => ({
          functionIndex: functionRows[functionIndex],
          line,
        })),
      }),
    );
  }
}

class Interner<Value, Key> {
  readonly values: Value[] = [];
  private readonly rows = new Map<Key, number>();

  constructor(private readonly keyOf: (value: Value) => Key) {}

  rowOf(value: Value): number {
    const key = this.keyOf(value);
    let row = this.rows.get(key);
    if (row === undefined) {
      row = this.values.push(value) - 1;
      this.rows.set(key, row);
    }
    return row;
  }
}

function locationKey({ mappingIndex, address, kind, lines }: ProfileLocation): string {
  const names = lines.map(({ functionIndex, line }) => `${functionIndex}:${line}`);
  return `${mappingIndex} ${address} ${kind} ${names.join(" ")}`;
}
