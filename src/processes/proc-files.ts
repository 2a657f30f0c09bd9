import { closeSync, openSync, readlinkSync, readSync } from "node:fs";
import { baseName } from "../model/base-name.js";
import { errnoOf } from "../util/errno.js";
import { parseStat, type ProcessStat } from "./stat.js";

/**
 * Bytes of an environment that are looked at. Kubernetes' own service links can fill 100 KiB; the kernel allows 6 MiB.
 */
export const MAX_ENVIRON_BYTES = 128 * 1024;
/** A stat line has 52 numbers and a comm. */
const MAX_STAT_BYTES = 2048;
const MAX_NAME_LENGTH = 255;

/** Why a file of a process could not be read. A process that has ended is no error. */
export type ReadFailure = "gone" | "denied" | "failed";

/** The files of /proc/PID, read synchronously (a pool thread would cost three times the CPU time) and each bounded. */
export class ProcFiles {
  readonly #root: string;
  readonly #buffer = Buffer.allocUnsafeSlow(MAX_ENVIRON_BYTES);

  /** The root is /proc, or where the host's is mounted. */
  constructor(root: string) {
    this.#root = root;
  }

  stat(pid: number): ProcessStat | ReadFailure {
    const bytes = this.#read(`${this.#root}/${pid}/stat`, MAX_STAT_BYTES);
    if (typeof bytes === "string") return bytes;
    return parseStat(bytes.toString("latin1")) ?? "failed";
  }

  /**
   * The environment's first {@link MAX_ENVIRON_BYTES}, valid until the next call; a kernel thread's is empty, or gone.
   * The kernel reads anonymous memory only for it, so no page of a process can hold the read up.
   */
  environ(pid: number): Buffer | ReadFailure {
    return this.#read(`${this.#root}/${pid}/environ`, MAX_ENVIRON_BYTES);
  }

  /** The base name of the executable, "" of a kernel thread or when it may not be known. */
  executable(pid: number): string {
    try {
      const path = readlinkSync(`${this.#root}/${pid}/exe`).replace(/ \(deleted\)$/, "");
      return baseName(path).slice(0, MAX_NAME_LENGTH);
    } catch {
      // Gone, denied or a kernel thread: the reads beside this one tell which, and count it.
      return "";
    }
  }

  #read(path: string, limit: number): Buffer | ReadFailure {
    let file: number | undefined;
    try {
      file = openSync(path, "r");
      let length = 0;
      while (length < limit) {
        const count = readSync(file, this.#buffer, length, limit - length, null);
        if (count === 0) break;
        length += count;
      }
      return this.#buffer.subarray(0, length);
    } catch (error) {
      return failureOf(error);
    } finally {
      if (file !== undefined) closeSync(file);
    }
  }
}

export function failureOf(error: unknown): ReadFailure {
  const errno = errnoOf(error);
  if (errno === "ENOENT" || errno === "ESRCH") return "gone";
  return errno === "EACCES" || errno === "EPERM" ? "denied" : "failed";
}
