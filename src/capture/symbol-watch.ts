import { readFileSync } from "node:fs";
import type { Addon } from "../native/addon.js";
import { isNativeError } from "../native/load.js";
import { type KernelSymbolChanges, parseSymbolRecords } from "../native/symbol-record.js";
import { errnoOf } from "../util/errno.js";
import { parseCpuList } from "./cpu-list.js";

const ONLINE = "/sys/devices/system/cpu/online";

/**
 * What BPF programs, trampolines and probes come and go in the kernel: so that their names can be remembered, where
 * /proc/kallsyms costs 50 ms to read (measured, 122,000 lines), and those of programs that are gone again can be known at all.
 */
export class SymbolWatch {
  /** Why nothing is watched, one sentence; "" while all is. */
  problem = "";
  private online = "";
  private lookedNs = 0n;
  private drain: ReturnType<Addon["watchKernelSymbols"]> | undefined;

  constructor(private readonly addon: Addon) {}

  /** From now on. What is there already, the kernel's list has. */
  start(): void {
    this.open();
  }

  /** What changed since the last call, in order; undefined when that is not known, and anything may have. */
  changes(): KernelSymbolChanges | undefined {
    if (this.drain === undefined && this.problem === "") return undefined;
    const records = this.drain?.();
    const fromNs = this.lookedNs;
    this.lookedNs = process.hrtime.bigint();
    // What another CPU said before it was watched is not known.
    if (onlineCpus() !== this.online) {
      this.open();
      return undefined;
    }
    const changes = records && parseSymbolRecords(records);
    return changes && { changes, fromNs, toNs: this.lookedNs };
  }

  close(): void {
    this.drain?.(true);
    this.drain = undefined;
  }

  private open(): void {
    this.close();
    this.online = onlineCpus();
    this.lookedNs = process.hrtime.bigint();
    try {
      this.drain = this.addon.watchKernelSymbols(parseCpuList(this.online));
      this.problem = "";
    } catch (error) {
      if (!isNativeError(error)) throw error;
      this.problem = `BPF programs' names are read anew for each window, for what comes and goes cannot be watched: ${error.message}`;
    }
  }
}

function onlineCpus(): string {
  try {
    return readFileSync(ONLINE, "latin1");
  } catch (error) {
    if (errnoOf(error) === "") throw error;
    return ""; // none is watched, and nothing known
  }
}
