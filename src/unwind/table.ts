import type { ExecutableId } from "../model/brand.js";

/**
 * What the converter makes of one ELF file's call frame information, before rules get their node-wide numbers.
 * Transferred from worker to main thread, never cloned: the columns may be the beginning of larger buffers.
 */
export interface UnwindRows {
  /**
   * File offset of each row, ascending and distinct: the row holds from here to the next. Before the first row, and
   * from the last on, nothing is known. Code beyond 4 GiB of a file gets no rows.
   */
  readonly fileOffsets: Uint32Array;
  /** For each row a fixed rule (enum abi_fixed_rule) when below 5, else 5 + an index into rules. */
  readonly ruleIndices: Uint16Array;
  /** Packed struct abi_rule, 16 bytes each, of this file only; distinct. */
  readonly rules: Uint8Array;
}

/** Why a file has no rows, or not all it could have. Each is counted. */
export type ConversionProblem =
  | "not-elf"
  | "wrong-machine"
  | "no-unwind-information"
  | "malformed"
  | "limit-exceeded"
  | "read-failed"
  /** The worker thread ended over it, or a bug was met. */
  | "worker-failed"
  /** The rows made no table. */
  | "publish-failed";

export interface ConversionResult {
  /** Undefined when there is nothing to unwind by; the frame pointer is then followed. */
  readonly rows: UnwindRows | undefined;
  readonly problems: readonly { readonly problem: ConversionProblem; readonly detail: string }[];
  /** FDEs read, and FDEs left out because they made no sense. */
  readonly fdes: number;
  readonly badFdes: number;
}

/** A file to convert: an open descriptor (shared by all threads of the process), read by pread only. */
export interface ConversionRequest {
  readonly executable: ExecutableId;
  readonly fd: number;
  /** For messages. */
  readonly name: string;
}
