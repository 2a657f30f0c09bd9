import type { StackId, ThreadId } from "./brand.js";
import type { CgroupId } from "./cgroup.js";

/** What kind of code a location lies in; flame graphs colour by it. */
export type CodeKind = "kernel" | "native" | "interpreter" | "jit";

/** One function activation at a location; several lines at one location are inlining, innermost first. */
export interface ProfileLine {
  /** Index into {@link Profile.functions}. */
  readonly functionIndex: number;
  /** Source line, 0 when unknown. */
  readonly line: number;
}

export interface ProfileFunction {
  /** Readable name, demangled. */
  readonly name: string;
  /** Name as the symbol table has it; equal to name where nothing was mangled. */
  readonly systemName: string;
  /** Source file, "" when unknown. */
  readonly fileName: string;
  /** 0 when unknown. */
  readonly startLine: number;
}

/** An executable as pprof's Mapping describes it: one per executable, in ELF addresses. */
export interface ProfileMapping {
  /** ELF address of the first byte of executable code, page aligned. */
  readonly start: number;
  /** ELF address past the last byte. */
  readonly limit: number;
  /** File offset of start, bytes. */
  readonly fileOffset: number;
  /** Path as the sampled process saw it; "[kernel.kallsyms]", "[vdso]", "[anon]" for what has none. */
  readonly fileName: string;
  /** Hex, "" when the file has none. */
  readonly buildId: string;
  /** Whether the locations in it carry resolved functions. */
  readonly hasFunctions: boolean;
}

export interface ProfileLocation {
  /** Index into {@link Profile.mappings}, or -1. */
  readonly mappingIndex: number;
  /** ELF address (kernel: virtual address, which needs 64 bits). */
  readonly address: number | bigint;
  readonly kind: CodeKind;
  /** Never empty: an unresolved address has one line whose function is named `file+0xaddr`. */
  readonly lines: readonly ProfileLine[];
}

/** Stacks as one column of location indices: stack i is locations[offsets[i] .. offsets[i + 1]), leaf first. */
export interface ProfileStacks {
  readonly length: number;
  /** length + 1 entries. */
  readonly offsets: Uint32Array;
  /** Indices into {@link Profile.locations}. */
  readonly locations: Uint32Array;
}

/** A thread as its samples saw it: renamed, or moved to another cgroup, it is another. */
export interface ProfileThread {
  readonly pid: number;
  readonly tid: number;
  readonly comm: string;
  /** Of its process, nanoseconds of CLOCK_BOOTTIME; with pid, the process key. */
  readonly startTimeNs: bigint;
  readonly cgroup: CgroupId;
}

/**
 * Samples as columns: row i says that stack[i] of thread[i] was seen count[i] times. Rows are distinct pairs. Where a
 * cgroup is sampled at a lower rate, a sample stands for more than one tick.
 */
export interface ProfileSamples {
  readonly length: number;
  /** Each a {@link StackId}. */
  readonly stack: Uint32Array;
  /** Each a {@link ThreadId}. */
  readonly thread: Uint32Array;
  readonly count: Uint32Array;
  /** Ticks that the row stands for: its CPU time is so many times {@link Profile.periodNs}. */
  readonly ticks: Uint32Array;
}

/** A window of samples with every frame named: what the encoders (pprof, folded, flame graph, table) read. Frozen. */
export interface Profile {
  /** Wall clock at the start, nanoseconds since the epoch. */
  readonly timeNs: bigint;
  readonly durationNs: bigint;
  /** CPU time between two ticks of one CPU, nanoseconds. */
  readonly periodNs: number;
  readonly mappings: readonly ProfileMapping[];
  readonly functions: readonly ProfileFunction[];
  readonly locations: readonly ProfileLocation[];
  readonly stacks: ProfileStacks;
  readonly threads: readonly ProfileThread[];
  readonly samples: ProfileSamples;
}

export type { StackId, ThreadId };
