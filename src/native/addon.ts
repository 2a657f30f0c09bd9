/**
 * The native addon's surface. It loads one BPF object, attaches its programs, drains its ring and hands out its mapped
 * arrays; it knows the kernel, and neither ELF nor policy. JavaScript validates arguments; the addon asserts them.
 * Every failure is one {@link NativeError}.
 */

/** Thrown by every addon call that the kernel refuses. */
export interface NativeError extends Error {
  /** "EPERM", "ENOENT", …; the kernel's errno by name. */
  readonly code: string;
  /** What was being done: "load program unwind_native", "perf_event_open on cpu 3". */
  readonly operation: string;
  /** The tail of the verifier's or libbpf's log, "" when there is none. At most 16 KiB. */
  readonly log: string;
}

export interface SessionOptions {
  /** Path of the linked BPF object. */
  readonly objectPath: string;
  /** max_entries of maps that are sized at start, by name (the ring in bytes, a power of two). */
  readonly mapEntries: Readonly<Record<string, number>>;
  /** Initial bytes of `const volatile` variables, by name; the size must match the variable's. */
  readonly constants: Readonly<Record<string, Uint8Array>>;
  /** Programs not to load on this kernel, by name. */
  readonly skipPrograms: readonly string[];
}

/** An array of u64 elements, mapped into this process; an inner map of `tables`. */
export interface NativeTable {
  /**
   * The mapped memory, 8 * elements bytes: mapped anew where {@link NativeTable.unmap} was called; undefined after
   * {@link NativeTable.release}, or when the kernel would not map it.
   */
  readonly memory: ArrayBuffer | undefined;
  readonly elements: number;
  /** Detaches and unmaps the memory, which counts as this process's while it is mapped, until it is asked for again. */
  unmap(): void;
  /** Closes the map's descriptor and detaches and unmaps the memory. What BPF uses lives on until removed from its slot. */
  release(): void;
}

export interface DrainResult {
  /** Bytes written to the batch. */
  readonly bytes: number;
  readonly records: number;
  /** True when the ring may hold more than the batch had room for: drain again. */
  readonly more: boolean;
}

/** One loaded BPF object. Closing detaches everything; nothing is pinned, so a killed process leaves nothing behind. */
export interface Session {
  /**
   * Opens, configures and loads; fills the tail-call map `programs` with each program named in `tailCalls`, by slot. The
   * slot of a program in skipPrograms stays empty. After a failure the session is closed. Without BTF of the kernel the
   * operation is "read kernel BTF" and the code ENOENT; an object of another bpf/abi.h is refused with ESTALE.
   */
  load(tailCalls: Readonly<Record<string, number>>): void;
  /** Opens a perf event on one CPU and attaches the program to it. frequency in Hz, 1 to 100,000. */
  attach(program: string, cpu: number, frequencyHz: number): void;
  detach(cpu: number): void;
  /** Enables or disables all attached events at once. */
  setEnabled(enabled: boolean): void;
  /** Ticks a second of all attached events from now on, 1 to 100,000; the next tick of each is a whole period away. */
  setFrequency(frequencyHz: number): void;
  /**
   * Moves complete records into `batch`: each is a u32 byte length, a u32 of zero, the bytes, padded to 8.
   * Stops before a record that does not fit, which stays in the ring; EMSGSIZE when it is larger than all of `batch`.
   * {@link SampleCursor} reads the batch.
   */
  drain(batch: Uint8Array): DrainResult;
  /** Calls `listener` on the event loop when the kernel wakes the ring's reader; one listener. */
  onReadable(listener: () => void): void;
  /** Memory of a BPF_F_MMAPABLE array, by map name. The same buffer at each call. */
  mapMemory(map: string): ArrayBuffer;
  createTable(elements: number): NativeTable;
  /**
   * tables[slot] = table, on a thread of libuv's pool: when a map of maps changes, the kernel waits until no program can
   * still see the old value, which takes 8 ms (measured). Changes are made in the order of the calls, those that wait
   * for their turn together. Resolves when BPF sees the table.
   */
  publishTable(slot: number, table: NativeTable): Promise<void>;
  /** tables[slot] = nothing, likewise. */
  clearTable(slot: number): Promise<void>;
  updateElement(map: string, key: Uint8Array, value: Uint8Array): void;
  /** False when there was none. */
  deleteElement(map: string, key: Uint8Array): boolean;
  /** Copies the value into `value`; false when there is none. */
  lookupElement(map: string, key: Uint8Array, value: Uint8Array): boolean;
  /**
   * Bytes that the kernel accounts for each map of this object (memlock in fdinfo), by name; under "table" the sum of
   * what createTable made, of each until it is neither held here nor in a slot.
   */
  mapBytes(): Record<string, number>;
  /**
   * Run time and run count of each loaded program, where BPF statistics are on; nanoseconds. What a program tail-calls
   * is counted in its own time, and has no runs.
   */
  programStats(): Record<string, { runs: number; nanoseconds: number }>;
  close(): void;
}

export interface Addon {
  /** Hash of the bpf/abi.h and bpf/stats.h that the addon was compiled with; checked against abi.generated.ts. */
  readonly abiFingerprint: string;
  createSession(options: SessionOptions): Session;
  /** Possible CPUs (what per-CPU arrays are sized by). */
  possibleCpus(): number;
  /** Turns the kernel's BPF statistics on while the returned function has not been called (bpf_enable_stats). */
  enableProgramStats(): () => void;
  /**
   * Calls `use` with a descriptor (O_PATH) of what a path leads to when the directory `root` is the root: nothing leads out
   * of it, whatever links there are (openat2). Where mounts are not to be crossed and one would be, EXDEV; without openat2,
   * ENOSYS. What lies there is not opened: a device or a pipe does not notice. The descriptor is closed when `use` returns,
   * here: a worker warns of a descriptor that Node closes and has not opened. Gives what `use` gives.
   */
  readonly withPath: <Result>(root: number, path: string, crossMounts: boolean, use: (fd: number) => Result) => Result;
  /**
   * Watches the symbols that the kernel makes while it runs, on these CPUs. The function gives the records since its last call,
   * bytes as perf_event_open(2) has them (PERF_RECORD_KSYMBOL with a sample_id of the time, PERF_RECORD_LOST), each CPU's in order;
   * true ends it. It ends with the last reference, too.
   */
  watchKernelSymbols(cpus: readonly number[]): (end?: boolean) => Uint8Array | undefined;
  /**
   * Reads 4096 bytes at each of these page numbers of a file, such as /proc/PID/mem, into `into`, one behind another: all on one turn
   * of a thread of libuv's pool. Resolves with how many bytes of each there were. The descriptor may be closed meanwhile.
   */
  readonly readPages: (fd: number, numbers: Float64Array, into: Uint8Array) => Promise<Int32Array>;
  /** Gives memory that malloc holds, and nobody uses, back to the kernel; some milliseconds. */
  trimMemory(): void;
  /** Takes code that nobody uses any more out of this process's memory; what is used again costs page faults. */
  unmapCode(): void;
}
