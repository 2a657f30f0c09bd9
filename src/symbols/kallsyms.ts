import { closeSync, openSync } from "node:fs";
import { errnoOf } from "../util/errno.js";
import { demangle } from "./demangle/demangle.js";
import { HIDDEN_LINES, hex8, type LineSink, readLines } from "./kallsyms-lines.js";
import type { KernelTable } from "./kernel-table.js";
import { u64Of } from "../util/u64.js";

/** Why no kernel address has a name. */
export type KernelSymbolsProblem = "hidden" | "read-failed";

/** The names of kernel addresses: columns parallel to the addresses asked for. */
export interface KernelSymbols {
  /** Index into names, or -1 when unresolved. */
  readonly nameIndices: Int32Array;
  /** Index into modules. */
  readonly moduleIndices: Uint16Array;
  /** Where the symbol starts, 0 when unresolved. */
  readonly symbolStarts: BigUint64Array;
  /** Where the name, or its absence, ends: another symbol starts there, or it is too far from this one's start. */
  readonly symbolLimits: BigUint64Array;
  readonly names: readonly { readonly name: string; readonly systemName: string }[];
  /** modules[0] is "": the kernel's own image. "bpf" and "__builtin__ftrace" are what they say. */
  readonly modules: readonly string[];
  /** Virtual addresses of the kernel's own code, `_text` to `_etext`; zeros when unknown. */
  readonly textStart: bigint;
  readonly textLimit: bigint;
  readonly problem: KernelSymbolsProblem | undefined;
  /** What to do about the problem, "" when there is none. */
  readonly detail: string;
}

/**
 * kallsyms_show_value() of the kernel (kernel/ksyms_common.c): kptr_restrict 0 shows addresses to everybody while perf_event_paranoid
 * is 1 or less, and like 1 to who has CAP_SYSLOG; 2 to nobody.
 */
const HIDDEN =
  "the kernel hides its addresses: give CAP_SYSLOG, and set sysctl kernel.kptr_restrict=1 (hostflame check says which is missing)";

const MAX_MODULES = 0xffff;
/**
 * kallsyms has no sizes: a function ends where the next symbol starts. The last of a module would otherwise cover all
 * the emptiness behind it. Only a BPF program can be near so long.
 */
const MAX_SYMBOL_BYTES = 1024n * 1024n;

const SPACE = 0x20;
const TAB = 0x09;
const DOLLAR = 0x24;
const DOT = 0x2e;
const ZERO = 0x30;
const UPPER_L = 0x4c;

/**
 * Names kernel addresses (distinct, ascending) in one pass over /proc/kallsyms. Nothing is kept between calls: a pass
 * over 122,000 lines takes some 50 ms and holds 64 KiB and the names found, where a table of the functions would hold
 * 3.5 MiB for good and take as long to make; the addresses of one recording come in one batch.
 *
 * Of several symbols at one address the first wins, as it does in the kernel's own traces.
 */
export function resolveKernelSymbols(addresses: BigUint64Array, path = "/proc/kallsyms"): KernelSymbols {
  const search = new Search(addresses);
  let problem: KernelSymbolsProblem | undefined;
  let detail = "";
  try {
    const fd = openSync(path, "r");
    try {
      readLines(fd, search);
    } finally {
      closeSync(fd);
    }
    if (search.sawNothingButZeros) {
      problem = "hidden";
      detail = HIDDEN;
    }
  } catch (error) {
    problem = "read-failed";
    detail = `${path}: ${errnoOf(error) || String(error)}`;
  }
  return search.finish(problem, detail);
}

/**
 * What the kernel's own lookup passes over (is_mapping_symbol(), kernel/module/kallsyms.c) and its list does not: in modules symbols
 * without a name, arm64's `$x` and `$d` at each change between code and data, and labels that the assembler made up.
 */
function isNoName(buffer: Buffer, name: number): boolean {
  const first = buffer[name];
  if (first === TAB || first === DOLLAR) return true;
  return (first === DOT && buffer[name + 1] === UPPER_L) || (first === UPPER_L && buffer[name + 1] === ZERO);
}

/** The same for addresses that the table of the kernel's own image covers, without reading anything. */
export function resolveByTable(addresses: BigUint64Array, table: KernelTable): KernelSymbols {
  const count = addresses.length;
  const nameIndices = new Int32Array(count).fill(-1);
  const symbolStarts = new BigUint64Array(count);
  const symbolLimits = new BigUint64Array(count);
  const names = new NameList();
  for (let at = 0; at < count; at++) {
    const { systemName, start, limit } = table.find(addresses[at]);
    const tooFar = start + MAX_SYMBOL_BYTES + 1n;
    symbolLimits[at] = limit;
    if (systemName !== "" && addresses[at] < tooFar) {
      nameIndices[at] = names.add(systemName);
      symbolStarts[at] = start;
      symbolLimits[at] = limit < tooFar ? limit : tooFar;
    }
  }
  return {
    nameIndices,
    moduleIndices: new Uint16Array(count),
    symbolStarts,
    symbolLimits,
    names: names.list,
    modules: [""],
    textStart: table.base,
    textLimit: table.limit,
    problem: undefined,
    detail: "",
  };
}

/** Names, each demangled once: functions of one name are many (static ones, of modules too). */
class NameList {
  readonly list: { name: string; systemName: string }[] = [];
  readonly #indices = new Map<string, number>();

  add(systemName: string): number {
    let index = this.#indices.get(systemName);
    if (index === undefined) {
      index = this.list.push({ name: demangle(systemName), systemName }) - 1;
      this.#indices.set(systemName, index);
    }
    return index;
  }
}

/**
 * The best symbol for each address so far. A symbol is filed under the first address not below it; the symbol of an
 * address is then the highest filed under it or under one before it. So lines may come in any order (modules' do), each
 * costs a comparison where it is ascending, and names are made only for what may win.
 */
class Search implements LineSink {
  /** The addresses as pairs of u32, low first: numbers have 53 bits, BigInts cost an allocation each. */
  readonly #wanted: Uint32Array;
  readonly #count: number;
  /** Start of the symbol filed under each address, low and high; zeros when there is none. */
  readonly #starts: Uint32Array;
  /** Lowest start of any symbol filed under each address, or behind the last; all ones when there is none. */
  readonly #lowest: Uint32Array;
  readonly #names: (string | undefined)[];
  readonly #modules = [""];
  readonly #moduleOf: Uint16Array;
  /** The address under which the last line was filed. */
  #slot = 0;
  /** A line that is the best of its slot so far, its name still in the buffer; -1 when there is none. */
  #pendingSlot = -1;
  #pendingStart = 0;
  #pendingEnd = 0;
  #pendingIsCode = false;
  #textStart = 0n;
  #textLimit = 0n;
  #lines = 0;
  #sawAddress = false;

  constructor(addresses: BigUint64Array) {
    const copy = addresses.slice();
    this.#wanted = new Uint32Array(copy.buffer);
    this.#count = addresses.length;
    this.#starts = new Uint32Array(2 * this.#count);
    this.#lowest = new Uint32Array(2 * this.#count + 2).fill(0xffffffff);
    this.#names = new Array<string | undefined>(this.#count).fill(undefined);
    this.#moduleOf = new Uint16Array(this.#count);
  }

  /** Addresses are hidden: all are zero, as those of a few per-CPU variables may be anyway. */
  get sawNothingButZeros(): boolean {
    return !this.#sawAddress;
  }

  get knowsEnough(): boolean {
    return !this.#sawAddress && this.#lines >= HIDDEN_LINES;
  }

  /** `ffffffff81000000 T _text`, or with a tab and `[module]` at the end. */
  line(buffer: Buffer, start: number, end: number): void {
    if (end - start < 20 || buffer[start + 16] !== SPACE || buffer[start + 18] !== SPACE) return;
    this.#lines++;
    const high = hex8(buffer, start);
    const low = hex8(buffer, start + 8);
    if (high === 0 && low === 0) return;
    this.#sawAddress = true;
    if (isNoName(buffer, start + 19)) return;
    // `_text`, `_etext`: looked at only where the length fits.
    const nameLength = end - start - 19;
    if ((nameLength === 5 || nameLength === 6) && buffer[start + 19] === 0x5f) {
      this.#noteBounds(buffer.toString("latin1", start + 19, end), high, low);
    }
    const slot = this.#slotOf(high, low);
    const lowest = this.#lowest;
    if (high < lowest[2 * slot + 1] || (high === lowest[2 * slot + 1] && low < lowest[2 * slot])) {
      lowest[2 * slot] = low;
      lowest[2 * slot + 1] = high;
    }
    if (slot >= this.#count) return;
    const order = high - this.#starts[2 * slot + 1] || low - this.#starts[2 * slot];
    // Lower, or another name of the same.
    if (order <= 0) return;
    if (slot !== this.#pendingSlot) this.commit(buffer);
    this.#starts[2 * slot] = low;
    this.#starts[2 * slot + 1] = high;
    this.#pendingSlot = slot;
    this.#pendingStart = start + 19;
    this.#pendingEnd = end;
    const type = buffer[start + 17] | 0x20;
    this.#pendingIsCode = type === 0x74 || type === 0x77;
  }

  /** Makes the name of the line in hand, before the buffer is used again. */
  commit(buffer: Buffer): void {
    const slot = this.#pendingSlot;
    if (slot < 0) return;
    this.#pendingSlot = -1;
    this.#names[slot] = undefined;
    this.#moduleOf[slot] = 0;
    // Data bounds the code before it, and names nothing.
    if (!this.#pendingIsCode) return;
    const text = buffer.toString("latin1", this.#pendingStart, this.#pendingEnd);
    const tab = text.indexOf(String.fromCharCode(TAB));
    this.#names[slot] = tab < 0 ? text : text.slice(0, tab);
    if (tab >= 0) this.#moduleOf[slot] = this.#moduleIndex(text.slice(tab + 1).replace(/^\[(.*)\]$/, "$1"));
  }

  #moduleIndex(module: string): number {
    const index = this.#modules.indexOf(module);
    if (index >= 0) return index;
    return this.#modules.length < MAX_MODULES ? this.#modules.push(module) - 1 : 0;
  }

  #noteBounds(name: string, high: number, low: number): void {
    const address = u64Of(low, high);
    if (name === "_text") this.#textStart = address;
    else if (name === "_etext") this.#textLimit = address;
  }

  #isBelow(slot: number, high: number, low: number): boolean {
    const wantedHigh = this.#wanted[2 * slot + 1];
    return wantedHigh < high || (wantedHigh === high && this.#wanted[2 * slot] < low);
  }

  /** The first address not below (high, low). */
  #slotOf(high: number, low: number): number {
    let slot = this.#slot;
    const fits =
      (slot === 0 || this.#isBelow(slot - 1, high, low)) && (slot === this.#count || !this.#isBelow(slot, high, low));
    if (fits) return slot;
    let limit = this.#count;
    slot = 0;
    while (slot < limit) {
      const middle = (slot + limit) >>> 1;
      if (this.#isBelow(middle, high, low)) slot = middle + 1;
      else limit = middle;
    }
    return (this.#slot = slot);
  }

  /** For each address the next start above it. */
  #limits(): BigUint64Array {
    const lowest = new BigUint64Array(this.#lowest.buffer);
    const limits = new BigUint64Array(this.#count);
    let next = lowest[this.#count];
    for (let at = this.#count - 1; at >= 0; at--) {
      limits[at] = next;
      next = lowest[at] < next ? lowest[at] : next;
    }
    return limits;
  }

  finish(problem: KernelSymbolsProblem | undefined, detail: string): KernelSymbols {
    const nameIndices = new Int32Array(this.#count).fill(-1);
    const moduleIndices = new Uint16Array(this.#count);
    const symbolStarts = new BigUint64Array(this.#count);
    const symbolLimits = this.#limits();
    const wanted = new BigUint64Array(this.#wanted.buffer);
    const starts = new BigUint64Array(this.#starts.buffer);
    const names = new NameList();
    let best = 0;
    for (let at = 0; at < this.#count; at++) {
      if (starts[at] > starts[best]) best = at;
      const systemName = this.#names[best];
      const tooFar = starts[best] + MAX_SYMBOL_BYTES + 1n;
      if (systemName === undefined || wanted[at] >= tooFar) continue;
      if (symbolLimits[at] > tooFar) symbolLimits[at] = tooFar;
      nameIndices[at] = names.add(systemName);
      moduleIndices[at] = this.#moduleOf[best];
      symbolStarts[at] = starts[best];
    }
    const textStart = this.#textStart;
    const textLimit = this.#textLimit;
    return {
      nameIndices,
      moduleIndices,
      symbolStarts,
      symbolLimits,
      names: names.list,
      modules: this.#modules,
      textStart,
      textLimit,
      problem,
      detail,
    };
  }
}
