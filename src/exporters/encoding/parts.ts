import { setImmediate as nextTurn } from "node:timers/promises";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { LabelledProfile } from "../../model/labelled-profile.js";
import type { Profile } from "../../model/profile.js";
import { TOOL } from "../../model/tool.js";
import { encodePprof, type PprofNames } from "../../profiles/pprof.js";
import { halveProfile } from "../../profiles/split.js";

/** What an intake takes at once. */
export interface PartLimits {
  /** Before compression. */
  readonly plainBytes: number;
  readonly packedBytes: number;
  readonly samples: number;
}

export interface PprofPart {
  readonly profile: Profile;
  /** gzipped: the one compression that all readers of pprof know. */
  readonly pprof: Uint8Array;
}

const compress = promisify(gzip);
const FASTEST = 1;

/** A profile as pprof files within the limits. */
export function pprofParts(
  { profile }: LabelledProfile,
  names: PprofNames,
  limits: PartLimits,
): AsyncGenerator<PprofPart, void, undefined> {
  return partsThatFit(profile, async (part, isLast) => {
    if (!isLast && samplesOf(part, names) > limits.samples) return undefined;
    const plain = encodePprof(part, { comments: [TOOL], names });
    if (!isLast && plain.byteLength > limits.plainBytes) return undefined;
    const pprof = await packed(plain);
    return isLast || pprof.byteLength <= limits.packedBytes ? { profile: part, pprof } : undefined;
  });
}

/** gzip of libuv's pool, off this thread. */
export async function packed(bytes: Uint8Array): Promise<Uint8Array> {
  return compress(bytes, { level: FASTEST });
}

/**
 * What `encode` makes of a profile: of all of it, mostly; where it gives undefined, because that would be too large, of halves of
 * halves, which the intake adds up. One sample alone is the last of halves: too large or not, it is for the intake to judge. None of
 * an empty profile.
 */
export async function* partsThatFit<Part>(
  profile: Profile,
  encode: (profile: Profile, isLast: boolean) => Promise<Part | undefined>,
): AsyncGenerator<Part, void, undefined> {
  const waiting = profile.samples.length === 0 ? [] : [profile];
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    await nextTurn(); // the drain has its turn between two encodings, also where one was for nothing
    const part = await encode(next, next.samples.length < 2);
    if (part === undefined) waiting.unshift(...(halveProfile(next) ?? []));
    else yield part;
  }
}

/** As many as there will be in the pprof. */
function samplesOf({ samples, stacks }: Profile, names: PprofNames): number {
  return names.thread === undefined ? Math.min(samples.length, stacks.length) : samples.length;
}
