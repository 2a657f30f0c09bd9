import type { ExecutableId } from "../model/brand.js";

/** Why an address has no name. Counted; never thrown. */
export type UnresolvedReason =
  | "no-symbols"
  | "not-covered"
  | "malformed"
  | "limit-exceeded"
  | "read-failed"
  | "unmapped-offset"
  /** The worker thread ended over the file. */
  | "worker-failed";

/** Addresses of one executable to name, asked of the worker. Addresses are file offsets, as frames carry them. */
export interface SymbolizeRequest {
  readonly executable: ExecutableId;
  /** An open descriptor, read by pread only; -1 when there is an image. */
  readonly fd: number;
  /** The whole ELF file where it is in no file system: the vDSO. */
  readonly image?: Uint8Array;
  /** For unresolved names: base name of the path. */
  readonly name: string;
  /** Distinct, ascending. */
  readonly fileOffsets: Float64Array;
}

/** The answer: columns parallel to fileOffsets. */
export interface SymbolizeResult {
  readonly executable: ExecutableId;
  /** Hex, "" when there is none. */
  readonly buildId: string;
  /** ELF addresses of the first executable segment's page-aligned extent, for pprof's Mapping; zeros when not ELF. */
  readonly textStart: number;
  readonly textLimit: number;
  readonly textFileOffset: number;
  /** ELF address of each file offset (the file offset itself when no segment covers it). */
  readonly elfAddresses: Float64Array;
  /** Index into names, or -1 when unresolved. */
  readonly nameIndices: Int32Array;
  /** Distinct functions. */
  readonly names: readonly { readonly name: string; readonly systemName: string }[];
  /** Where the matched symbol starts (ELF address), 0 when unresolved: tells apart functions of one name. */
  readonly symbolStarts: Float64Array;
  readonly unresolved: Readonly<Partial<Record<UnresolvedReason, number>>>;
}

/** A symbol source: one file's symbols, looked up by ELF address. */
export interface Resolver {
  /** The symbol that covers the address, or why there is none. */
  resolve(elfAddress: number): { readonly systemName: string; readonly start: number } | UnresolvedReason;
  /** Memory held, for the cache's budget. */
  readonly bytes: number;
}
