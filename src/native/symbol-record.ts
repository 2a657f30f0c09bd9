/** A symbol that the kernel made while it ran, or took back. */
export interface KernelSymbolChange {
  /** First virtual address. */
  readonly address: bigint;
  /** Bytes. */
  readonly length: number;
  readonly name: string;
  /** What /proc/kallsyms has in brackets: "bpf", "__builtin__ftrace", "__builtin__kprobes". */
  readonly module: string;
  /** Made, or taken back. */
  readonly made: boolean;
  /** CLOCK_MONOTONIC. */
  readonly timeNs: bigint;
}

/** All changes between two looks. */
export interface KernelSymbolChanges {
  /** In the order of their times. */
  readonly changes: readonly KernelSymbolChange[];
  /** When it was looked before, and now: CLOCK_MONOTONIC. */
  readonly fromNs: bigint;
  readonly toNs: bigint;
}

// enum perf_event_type and perf_record_ksymbol_type (include/uapi/linux/perf_event.h).
const PERF_RECORD_LOST = 2;
const PERF_RECORD_KSYMBOL = 17;
const TYPE_BPF = 1;
const TYPE_OUT_OF_LINE = 2;
const UNREGISTER = 1;

const HEADER_BYTES = 8;
/** Behind the header: u64 address, u32 length, u16 type, u16 flags; then the name, padded to 8; then the time. */
const NAME = HEADER_BYTES + 16;
const TIME_BYTES = 8;
/** Of code that is a copy of other code, by the name that the kernel gives it; all others are kprobes' slots. */
const FTRACE_NAME = "ftrace_trampoline";

/**
 * The changes that these records tell of, in the order of their times. Undefined when some are missing, or when a record is none
 * that was asked for: then anything may have changed.
 */
export function parseSymbolRecords(bytes: Uint8Array): readonly KernelSymbolChange[] | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const changes: KernelSymbolChange[] = [];
  for (let at = 0; at < buffer.length;) {
    if (at + HEADER_BYTES > buffer.length) return undefined;
    const size = buffer.readUInt16LE(at + 6);
    const type = buffer.readUInt32LE(at);
    if (size < HEADER_BYTES || at + size > buffer.length || type === PERF_RECORD_LOST) return undefined;
    if (type === PERF_RECORD_KSYMBOL) {
      const change = readChange(buffer.subarray(at, at + size));
      if (change === undefined) return undefined;
      changes.push(change);
    }
    at += size;
  }
  return changes.sort((one, other) => (one.timeNs < other.timeNs ? -1 : one.timeNs > other.timeNs ? 1 : 0));
}

function readChange(record: Buffer): KernelSymbolChange | undefined {
  const end = record.length - TIME_BYTES;
  if (end < NAME) return undefined;
  const text = record.toString("latin1", NAME, end);
  const zero = text.indexOf("\0");
  const name = zero < 0 ? text : text.slice(0, zero);
  const type = record.readUInt16LE(HEADER_BYTES + 12);
  const module =
    type === TYPE_BPF
      ? "bpf"
      : type === TYPE_OUT_OF_LINE
        ? `__builtin__${name === FTRACE_NAME ? "ftrace" : "kprobes"}`
        : undefined;
  // Code of a kind that is not known yet takes the place of what was there, without a name.
  return {
    address: record.readBigUInt64LE(HEADER_BYTES),
    length: record.readUInt32LE(HEADER_BYTES + 8),
    name: module === undefined ? "" : name,
    module: module ?? "",
    made: (record.readUInt16LE(HEADER_BYTES + 14) & UNREGISTER) === 0,
    timeNs: record.readBigUInt64LE(end),
  };
}
