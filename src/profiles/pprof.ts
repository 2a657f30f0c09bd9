import { promisify } from "node:util";
import { gzip } from "node:zlib";
import {
  Function as PprofFunction,
  Label,
  Line,
  Location,
  Mapping,
  Profile as PprofProfile,
  Sample,
  StringTable,
  ValueType,
} from "pprof-format";

import type { Profile, ProfileFunction } from "../model/profile.js";
import { pprofMappings } from "./pprof-mappings.js";

/** What things are called in a pprof: each intake has words of its own. */
export interface PprofNames {
  /** Sample types, of unit count and nanoseconds. */
  readonly samples: string;
  readonly cpu: string;
  /** Labels of a sample's thread. Undefined: there are none, and samples of one stack are one, whatever their thread. */
  readonly thread: PprofThreadNames | undefined;
}

export interface PprofThreadNames {
  readonly pid: string;
  readonly tid: string;
  readonly comm: string;
  /** Whether pid and tid are written as text, for a reader to whom a number is something to add up. */
  readonly idsAreText: boolean;
}

const PLAIN_THREAD_NAMES: PprofThreadNames = { pid: "pid", tid: "tid", comm: "comm", idsAreText: false };

/** As Go's own profiles have it, and google/pprof shows it best. */
export const PLAIN_NAMES: PprofNames = { samples: "samples", cpu: "cpu", thread: PLAIN_THREAD_NAMES };

export interface PprofOptions {
  /** Sentences for the reader, shown by pprof's `comments`; by custom the first names the tool and its version. */
  readonly comments?: readonly string[];
  /** Whose the profile is, put on every sample beside its thread's pid, tid and comm: namespace, pod, container… */
  readonly labels?: ReadonlyMap<string, string>;
  /** The same where threads are of several: parallel to the profile's threads; `labels` is then not looked at. */
  readonly threadLabels?: readonly ReadonlyMap<string, string>[];
  /** {@link PLAIN_NAMES} unless told. */
  readonly names?: PprofNames;
}

export interface PprofGzipOptions extends PprofOptions {
  /** 1 (fast) to 9 (small). Stacks repeat so much that 1 already takes four fifths away. */
  readonly level?: number;
}

const compress = promisify(gzip);
const NO_LABELS: ReadonlyMap<string, string> = new Map();

/**
 * The profile as an uncompressed pprof message (google/pprof, proto/profile.proto). Ids are index + 1, since zero
 * means "none" there. Addresses are ELF addresses in ELF-addressed mappings, so a tool computes a load bias of zero
 * and finds source lines in the file itself.
 */
export function encodePprof(profile: Profile, options: PprofOptions = {}): Uint8Array {
  const strings = new StringTable();
  const text = (value: string) => strings.dedup(value);
  const names = options.names ?? PLAIN_NAMES;
  const cpuNanoseconds = new ValueType({ type: text(names.cpu), unit: text("nanoseconds") });
  const samplesCount = new ValueType({ type: text(names.samples), unit: text("count") });
  const mappings = pprofMappings(profile);

  return new PprofProfile({
    sampleType: [samplesCount, cpuNanoseconds],
    sample: samplesOf(names.thread === undefined ? withoutThreads(profile) : profile, options, text),
    mapping: mappings.rows.map((row, index) => {
      return new Mapping({
        id: index + 1,
        memoryStart: row.start,
        memoryLimit: row.limit,
        fileOffset: row.fileOffset,
        filename: text(row.mapping.fileName),
        buildId: text(row.mapping.buildId),
        hasFunctions: row.mapping.hasFunctions,
        hasFilenames: row.hasFileNames,
        hasLineNumbers: row.hasLineNumbers,
        hasInlineFrames: row.hasInlineFrames,
      });
    }),
    location: profile.locations.map((location, index) => {
      return new Location({
        id: index + 1,
        mappingId: location.mappingIndex < 0 ? 0 : mappings.ids[location.mappingIndex],
        address: location.address,
        line: location.lines.map((line) => new Line({ functionId: line.functionIndex + 1, line: line.line })),
      });
    }),
    function: profile.functions.map((fn, index) => {
      return new PprofFunction({
        id: index + 1,
        name: text(fn.name),
        systemName: text(pprofSystemName(fn)),
        filename: text(fn.fileName),
        startLine: fn.startLine,
      });
    }),
    timeNanos: profile.timeNs,
    durationNanos: profile.durationNs,
    periodType: cpuNanoseconds,
    period: wholePeriod(profile),
    defaultSampleType: text(names.cpu),
    comment: (options.comments ?? []).map(text),
    stringTable: strings,
  }).encode();
}

/** The profile as the bytes of a .pb.gz file. Compression runs on libuv's pool, off this thread. */
export async function encodePprofGzip(profile: Profile, options: PprofGzipOptions = {}): Promise<Uint8Array> {
  return compress(encodePprof(profile, options), { level: options.level ?? 1 });
}

/** A profile whose samples are of one thread that has no name: one row a stack. */
function withoutThreads(profile: Profile): Profile {
  const { samples, stacks } = profile;
  const counts = new Float64Array(stacks.length);
  const ticks = new Float64Array(stacks.length);
  for (let row = 0; row < samples.length; row++) {
    counts[samples.stack[row]] += samples.count[row];
    ticks[samples.stack[row]] += samples.ticks[row];
  }
  const stack = Uint32Array.from(counts.keys()).filter((row) => counts[row] > 0);
  const merged = {
    length: stack.length,
    stack,
    thread: new Uint32Array(stack.length),
    count: Uint32Array.from(stack, (row) => counts[row]),
    ticks: Uint32Array.from(stack, (row) => ticks[row]),
  };
  const nobody = profile.threads.slice(0, 1).map((thread) => ({ ...thread, pid: 0, tid: 0, comm: "" }));
  return { ...profile, threads: nobody, samples: merged };
}

function samplesOf(profile: Profile, options: PprofOptions, text: (value: string) => number): Sample[] {
  const { samples, stacks } = profile;
  const period = wholePeriod(profile);
  const labels = labelsOfThreads(profile, options, text);
  // Threads of one program share stacks, and rows of one stack share its array.
  const idsOfStack = new Array<number[] | undefined>(stacks.length);
  const rows: Sample[] = [];
  for (let row = 0; row < samples.length; row++) {
    const stack = samples.stack[row];
    const locationId = (idsOfStack[stack] ??= Array.from(
      stacks.locations.subarray(stacks.offsets[stack], stacks.offsets[stack + 1]),
      (location) => location + 1,
    ));
    const count = samples.count[row];
    const cpuTime = product(samples.ticks[row], period);
    rows.push(new Sample({ locationId, value: [count, cpuTime], label: labels[samples.thread[row]] }));
  }
  return rows;
}

/**
 * One set of labels a thread, which its samples share. A label of zero or "" cannot be told from none on the wire, so it
 * is left out; one of whose that is called as a thread's is would be two under one name, and the thread's is meant.
 */
function labelsOfThreads(
  profile: Profile,
  { labels: whose = NO_LABELS, threadLabels, names = PLAIN_NAMES }: PprofOptions,
  text: (value: string) => number,
): Label[][] {
  const words = names.thread ?? PLAIN_THREAD_NAMES;
  const taken = new Set([words.pid, words.tid, words.comm]);
  const madeOf = new Map<ReadonlyMap<string, string>, readonly Label[]>();
  const ownersLabels = (owner: ReadonlyMap<string, string>): readonly Label[] => {
    const known = madeOf.get(owner);
    if (known !== undefined) return known;
    const made: Label[] = [];
    for (const [key, value] of owner) {
      if (value !== "" && !taken.has(key)) made.push(new Label({ key: text(key), str: text(value) }));
    }
    madeOf.set(owner, made);
    return made;
  };
  const shared = threadLabels === undefined ? ownersLabels(whose) : undefined;
  const idLabel = (name: string, id: number): Label => {
    return words.idsAreText
      ? new Label({ key: text(name), str: text(String(id)) })
      : new Label({ key: text(name), num: id });
  };
  return profile.threads.map(({ pid, tid, comm }, thread) => {
    const labels: Label[] = [];
    if (pid !== 0) labels.push(idLabel(words.pid, pid));
    if (tid !== 0) labels.push(idLabel(words.tid, tid));
    if (comm !== "") labels.push(new Label({ key: text(words.comm), str: text(comm) }));
    for (const label of shared ?? ownersLabels(threadLabels?.[thread] ?? whose)) labels.push(label);
    return labels;
  });
}

/**
 * pprof takes a name that equals its system name for one still to be demangled, and cuts `<[u8; 16] as Hash>::hash`
 * down to `::hash`. Where nothing was mangled but the name looks as if, the system name is left out.
 */
function pprofSystemName({ name, systemName }: ProfileFunction): string {
  return systemName === name && /[<>[\]]|::/.test(name) ? "" : systemName;
}

/** pprof counts in whole numbers; 1 s / 99 Hz is none, and the kernel rounds it too. */
function wholePeriod(profile: Profile): number {
  return Math.round(profile.periodNs);
}

function product(count: number, period: number): number | bigint {
  const value = count * period;
  return Number.isSafeInteger(value) ? value : BigInt(count) * BigInt(period);
}
