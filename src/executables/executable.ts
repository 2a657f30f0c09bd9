import type { ExecutableId, ExecutableSerial } from "../model/brand.js";
import type { FileKey } from "../native/first-sight.js";

/** Where an executable's unwind information stands. */
export type ExecutableState =
  /** Rows are being made. */
  | "converting"
  /** Rows are in the kernel. */
  | "ready"
  /** There are none to be had: the frame pointer is followed. */
  | "no-rows"
  /** No executable at all: just-in-time compiled code in memory that has a file for technical reasons. */
  | "anonymous"
  /** Rows were taken out to make room; they are made again when it is sampled again. */
  | "evicted";

/** What is left of an executable that was let go, for as long as a window may hold a frame of it. */
export interface FormerExecutable {
  readonly serial: ExecutableSerial;
  /** The path's last {@link FORMER_PATH_CHARACTERS}. */
  readonly path: string;
  /** The window in which it was let go. */
  readonly window: number;
}

/** Room for any file's name (255), whatever folder it lies in. */
export const FORMER_PATH_CHARACTERS = 256;

/** What the bytes of an executable are read from. */
export type ExecutableContent =
  /** Open for as long as the executable is known: the path may lead elsewhere by then. */
  | { readonly kind: "file"; readonly fd: number }
  /** The vDSO, which has no file. */
  | { readonly kind: "memory"; readonly bytes: Uint8Array }
  /** A file that we are not let to read: its frames have an address, and nothing else. */
  | { readonly kind: "none" };

/** An ELF file, or what was mapped as one, that some sampled process runs. One, however many processes map it. */
export interface Executable {
  readonly id: ExecutableId;
  readonly serial: ExecutableSerial;
  readonly key: FileKey;
  /** As the sampled process saw it, " (deleted)" removed; "[vdso]" for the vDSO. */
  readonly path: string;
  readonly content: ExecutableContent;
  /** No path leads to it: it was unlinked, or never had one, as memfds and shared memory have none. */
  readonly isUnlinked: boolean;
  state: ExecutableState;
  /** When its rows were last taken out, milliseconds of performance.now(); 0 for never. */
  evictedAtMs: number;
  /** Its rows were made and the kernel had no room for them: when to try again, performance.now(); 0 for never. */
  retryAtMs: number;
  /** Number of the last window that met it: {@link ExecutableRegistry.window}. */
  lastWindow: number;
  /** What the kernel side knows of it as an interpreter's file: the key of its map plus one, and enum abi_frame_kind. */
  interpreter: { readonly number: number; readonly kind: number } | undefined;
  /** Of one whose frames do not tell that they are its, how often it had been looked up when a window last ended. */
  hitsSeen: bigint;
}
