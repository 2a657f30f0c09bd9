import type { DebuginfodOptions } from "./debuginfod-options.js";
import type { Demangling } from "./demangling.js";
import type { InterpreterName } from "./interpreter.js";

/** What one recording was asked for; made by the command line, frozen, complete. */
export interface RecordOptions extends DebuginfodOptions {
  readonly durationMs: number;
  /** Samples a second on each CPU, 1 to 999. */
  readonly frequencyHz: number;
  /** Where the gzipped pprof profile goes, if anywhere; its folder exists and can be written. */
  readonly output: string | undefined;
  readonly flamegraph: string | undefined;
  readonly folded: string | undefined;
  /** Print the summary as JSON on standard output, in place of the table. */
  readonly json: boolean;
  /** Record only these processes (ids of the initial pid namespace); all when empty. */
  readonly pids: readonly number[];
  /** Record only threads with these names, each cut to the 15 bytes that the kernel keeps; all when empty. */
  readonly comms: readonly string[];
  /** How names of functions are shown. */
  readonly demangling: Demangling;
  /** Languages whose frames stay those of the interpreter. */
  readonly excludedInterpreters: readonly InterpreterName[];
  /** Budget of all unwind tables together; the least sampled are evicted beyond it. */
  readonly unwindMemoryBytes: number;
  /** Size of the ring buffer between kernel and user space: a power of two; "auto": by rate and CPUs. */
  readonly ringMemoryBytes: number | "auto";
  /** Where debug files are kept, absolute; the user's folder of caches when undefined. */
  readonly debuginfodDir: string | undefined;
  /** For how long all debug files together are waited for. */
  readonly debuginfodWaitMs: number;
  /** No progress on the terminal. */
  readonly quiet: boolean;
}
