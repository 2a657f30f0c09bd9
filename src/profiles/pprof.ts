import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Profile, ProfileFunction } from "../model/profile.js";
import { MessageWriter } from "../protobuf/writer.js";
import { pprofMappings } from "./pprof-mappings.js";
import { PprofStrings } from "./pprof-strings.js";

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
  const strings = new PprofStrings();
  const names = options.names ?? PLAIN_NAMES;
  const cpu = valueType(names.cpu, "nanoseconds", strings);
  const message = new MessageWriter(expectedBytes(profile));
  message.message(1, valueType(names.samples, "count", strings)).message(1, cpu);
  writeSamples(message, names.thread === undefined ? withoutThreads(profile) : profile, options, strings);
  writePlaces(message, profile, strings);
  writeFunctions(message, profile, strings);
  const comments = (options.comments ?? []).map((comment) => strings.index(comment));
  strings.writeTo(message);
  return message
    .nonZero(9, profile.timeNs)
    .nonZero(10, profile.durationNs)
    .message(11, cpu)
    .nonZero(12, wholePeriod(profile))
    .packed(13, comments)
    .nonZero(14, strings.index(names.cpu))
    .finish();
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

/** Above what most take, so that the message is written where it stays. */
function expectedBytes({ stacks, samples, locations, functions }: Profile): number {
  return 1024 + 2 * stacks.locations.length + 64 * samples.length + 24 * locations.length + 96 * functions.length;
}

/** ValueType{1 type, 2 unit}. */
function valueType(type: string, unit: string, strings: PprofStrings): MessageWriter {
  return new MessageWriter().nonZero(1, strings.index(type)).nonZero(2, strings.index(unit));
}

/** Sample{1 location_id, 2 value, 3 label}. */
function writeSamples(message: MessageWriter, profile: Profile, options: PprofOptions, strings: PprofStrings): void {
  const { samples, stacks } = profile;
  const period = wholePeriod(profile);
  const labels = labelsOfThreads(profile, options, strings);
  const sample = new MessageWriter();
  for (let row = 0; row < samples.length; row++) {
    const stack = samples.stack[row];
    sample
      .clear()
      .packedColumn(1, stacks.locations, stacks.offsets[stack], stacks.offsets[stack + 1], 1)
      .packed(2, [samples.count[row], product(samples.ticks[row], period)])
      .fields(labels[samples.thread[row]]);
    message.message(2, sample);
  }
}

/**
 * Label{1 key, 2 str, 3 num}: one set a thread, which its samples share, as the fields of a sample. A label of zero or ""
 * cannot be told from none on the wire, so it is left out; one of whose that is called as a thread's is would be two under
 * one name, and the thread's is meant.
 */
function labelsOfThreads(
  profile: Profile,
  { labels = NO_LABELS, threadLabels, names = PLAIN_NAMES }: PprofOptions,
  strings: PprofStrings,
): readonly Uint8Array[] {
  const words = names.thread ?? PLAIN_THREAD_NAMES;
  const taken = new Set([words.pid, words.tid, words.comm]);
  const textLabel = (name: string, value: string): MessageWriter =>
    new MessageWriter().nonZero(1, strings.index(name)).nonZero(2, strings.index(value));
  const idLabel = (name: string, id: number): MessageWriter =>
    words.idsAreText ? textLabel(name, String(id)) : new MessageWriter().nonZero(1, strings.index(name)).nonZero(3, id);
  const ownersLabels = (owner: ReadonlyMap<string, string>): Uint8Array => {
    const written = new MessageWriter();
    for (const [key, value] of owner) {
      if (value !== "" && !taken.has(key)) written.message(3, textLabel(key, value));
    }
    return written.finish();
  };
  const byOwner = new Map<ReadonlyMap<string, string>, Uint8Array>();
  return profile.threads.map(({ pid, tid, comm }, thread) => {
    const owner = threadLabels === undefined ? labels : (threadLabels[thread] ?? NO_LABELS);
    const shared = byOwner.get(owner) ?? ownersLabels(owner);
    byOwner.set(owner, shared);
    const own = new MessageWriter();
    if (pid !== 0) own.message(3, idLabel(words.pid, pid));
    if (tid !== 0) own.message(3, idLabel(words.tid, tid));
    if (comm !== "") own.message(3, textLabel(words.comm, comm));
    return own.fields(shared).finish();
  });
}

/** Mapping{1 id, 2 start, 3 limit, 4 offset, 5 filename, 6 build_id, 7… has_*}; Location{1 id, 2 mapping_id, 3 address, 4 line}. */
function writePlaces(message: MessageWriter, profile: Profile, strings: PprofStrings): void {
  const mappings = pprofMappings(profile);
  const row = new MessageWriter();
  for (const [index, { mapping, ...place }] of mappings.rows.entries()) {
    row
      .clear()
      .varint(1, index + 1)
      .nonZero(2, place.start)
      .nonZero(3, place.limit)
      .nonZero(4, place.fileOffset)
      .nonZero(5, strings.index(mapping.fileName))
      .nonZero(6, strings.index(mapping.buildId))
      .nonZero(7, Number(mapping.hasFunctions))
      .nonZero(8, Number(place.hasFileNames))
      .nonZero(9, Number(place.hasLineNumbers))
      .nonZero(10, Number(place.hasInlineFrames));
    message.message(3, row);
  }
  const line = new MessageWriter();
  for (const [index, { mappingIndex, address, lines }] of profile.locations.entries()) {
    row
      .clear()
      .varint(1, index + 1)
      .nonZero(2, mappingIndex < 0 ? 0 : mappings.ids[mappingIndex])
      .nonZero(3, address);
    for (const at of lines) {
      // Line{1 function_id, 2 line}.
      line.clear().varint(1, at.functionIndex + 1);
      row.message(4, line.nonZero(2, at.line));
    }
    message.message(4, row);
  }
}

/** Function{1 id, 2 name, 3 system_name, 4 filename, 5 start_line}. */
function writeFunctions(message: MessageWriter, { functions }: Profile, strings: PprofStrings): void {
  const row = new MessageWriter();
  for (const [index, fn] of functions.entries()) {
    row
      .clear()
      .varint(1, index + 1)
      .nonZero(2, strings.index(fn.name))
      .nonZero(3, strings.index(pprofSystemName(fn)))
      .nonZero(4, strings.index(fn.fileName))
      .nonZero(5, fn.startLine);
    message.message(5, row);
  }
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
