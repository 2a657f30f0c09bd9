import { readFileSync } from "node:fs";
import type { KernelSymbols } from "../symbols/kallsyms.js";
import type { KernelSymbolChanges } from "../native/symbol-record.js";
import { errnoOf } from "../util/errno.js";
import { KnownNames } from "./known-names.js";
import { RangeTable, type AddedRange } from "./range-table.js";
import { meet, settleChanges, type SymbolPlace } from "./settle-changes.js";

/** Tells what symbols the kernel made and took back since it was asked last; undefined when anything may have changed. */
export type SymbolChanges = () => KernelSymbolChanges | undefined;

// Columns of a range.
const NAME = 0; // a number of names, or -1
const MODULE = 1; // an index of modules
const WIDTH = 2;

/** Kernel names known by now, and until when. */
export class KernelNames {
  private ranges = new RangeTable(WIDTH);
  private names = new KnownNames();
  private modules: string[] = [""];
  /** The modules that are loaded, by name, as text that is another when another one has the name; none when that cannot be known. */
  private loaded: ReadonlyMap<string, string> = new Map();
  /** Whether the kernel tells what code it makes while it runs. */
  private followsChanges = false;
  /** What is there since the window that was named last, as far as it changed in it. */
  private after: readonly SymbolPlace[] = [];
  /**
   * What was there in that window, and in the one before it, and is not any more. A part of what is told while a window is named
   * came after its end: names are known for one window more.
   */
  private gone: readonly SymbolPlace[] = [];
  private goneBefore: readonly SymbolPlace[] = [];
  /** Numbers of the names that changes told. */
  private readonly toldNames = new Map<string, number>();
  private text: Pick<KernelSymbols, "textStart" | "textLimit"> = { textStart: 0n, textLimit: 0n };

  constructor(
    private readonly maxBytes: number,
    private readonly modulesPath = "/proc/modules",
    private readonly changes: SymbolChanges = () => undefined,
  ) {}

  get bytes(): number {
    return this.ranges.bytes + this.names.bytes;
  }

  /**
   * Once a window: forgets what may not hold any more, names in modules that went since the last call or came back, and
   * learns what code the kernel made meanwhile. A module's text is at one place while it is loaded, and the kernel's own never
   * moves.
   */
  refresh(): void {
    const loaded = loadedModules(this.modulesPath);
    const gone = new Set<number>();
    for (const [index, module] of this.modules.entries()) {
      if (module !== "" && loaded.get(module) !== this.loaded.get(module)) gone.add(index);
    }
    this.loaded = loaded;
    if (gone.size > 0) this.ranges.filter((row) => !gone.has(this.ranges.value(row, MODULE)));
    if (this.bytes > this.maxBytes) {
      this.ranges = new RangeTable(WIDTH);
      this.names = new KnownNames();
      this.modules = [""];
      this.toldNames.clear();
    }
    this.follow();
  }

  /** What changes tell of becomes ranges. */
  private follow(): void {
    this.forget(this.goneBefore);
    this.put(this.after);
    const changes = this.changes();
    const settled = changes && settleChanges(changes);
    this.followsChanges = settled !== undefined;
    this.after = settled?.after ?? [];
    this.goneBefore = this.gone;
    this.gone = [];
    if (settled === undefined) {
      this.ranges.filter((row) => !isMadeWhileRunning(this.modules[this.ranges.value(row, MODULE)]));
      return;
    }
    this.put(settled.during);
    this.gone = settled.during.filter((place) => !this.after.some((present) => meet(present, place)));
  }

  /** These places instead of what was known there. */
  private put(places: readonly SymbolPlace[]): void {
    if (places.length === 0) return;
    this.forget(places);
    const isElsewhere = (old: SymbolPlace): boolean => !places.some((place) => meet(old, place));
    this.gone = this.gone.filter(isElsewhere);
    this.goneBefore = this.goneBefore.filter(isElsewhere);
    const added = places.map(({ start, limit, name, module }): AddedRange => {
      return { address: start, start, limit, numbers: [this.toldName(name), this.moduleIndex(module)] };
    });
    this.ranges.merge(added);
  }

  private forget(places: readonly SymbolPlace[]): void {
    if (places.length === 0) return;
    this.ranges.filter((row) => {
      const range = { start: this.ranges.start(row), limit: this.ranges.limit(row) };
      return !places.some((place) => meet(range, place));
    });
  }

  private toldName(name: string): number {
    if (name === "") return -1;
    let number = this.toldNames.get(name);
    if (number === undefined) {
      number = this.names.add([{ name, systemName: name }])[0];
      this.toldNames.set(name, number);
    }
    return number;
  }

  unknown(addresses: BigUint64Array): BigUint64Array {
    return addresses.filter((address) => this.ranges.find(place(address)) < 0);
  }

  /**
   * Keeps of an answer what stays: names in the kernel's own image, in modules that {@link refresh} watches, and, where the
   * kernel tells of them, of BPF programs, trampolines and probes. Else those are asked for each time.
   */
  learn(asked: BigUint64Array, symbols: KernelSymbols): void {
    if (symbols.textLimit > 0n) {
      this.text = { textStart: symbols.textStart, textLimit: symbols.textLimit };
    }
    const numbers = this.names.add(symbols.names);
    const added: AddedRange[] = [];
    for (let at = 0; at < asked.length; at++) {
      const address = asked[at];
      const index = symbols.nameIndices[at];
      const module = symbols.modules[symbols.moduleIndices[at]];
      const stays =
        index >= 0
          ? module === "" || this.loaded.has(module) || (this.followsChanges && isMadeWhileRunning(module))
          : symbols.textStart <= address && address < symbols.textLimit && symbols.problem === undefined;
      if (stays) {
        added.push({
          address: place(address),
          start: index >= 0 ? place(symbols.symbolStarts[at]) : place(address),
          limit: Math.max(place(symbols.symbolLimits[at]), place(address) + 1),
          numbers: [index >= 0 ? numbers[index] : -1, this.moduleIndex(module)],
        });
      }
    }
    this.ranges.merge(added);
  }

  /** What is known of these addresses, and for the rest what was answered just now. */
  answer(addresses: BigUint64Array, asked: BigUint64Array, now: KernelSymbols | undefined): KernelSymbols {
    const count = addresses.length;
    const names = [...this.names.list];
    const nowNames =
      now === undefined ? new Int32Array(0) : new Int32Array(now.names.map((name) => names.push(name) - 1));
    const modules = [...this.modules];
    const nowModules = (now?.modules ?? []).map((module) => {
      const index = modules.indexOf(module);
      return index >= 0 ? index : modules.push(module) - 1;
    });
    const nameIndices = new Int32Array(count).fill(-1);
    const moduleIndices = new Uint16Array(count);
    const symbolStarts = new BigUint64Array(count);
    const symbolLimits = new BigUint64Array(count);
    let next = 0;
    for (let at = 0; at < count; at++) {
      while (next < asked.length && asked[next] < addresses[at]) {
        next++;
      }
      if (now !== undefined && asked[next] === addresses[at]) {
        const index = now.nameIndices[next];
        nameIndices[at] = index < 0 ? -1 : nowNames[index];
        moduleIndices[at] = nowModules[now.moduleIndices[next]];
        symbolStarts[at] = now.symbolStarts[next];
        symbolLimits[at] = now.symbolLimits[next];
        continue;
      }
      const range = this.ranges.find(place(addresses[at]));
      if (range >= 0) {
        nameIndices[at] = this.ranges.value(range, NAME);
        moduleIndices[at] = this.ranges.value(range, MODULE);
        symbolStarts[at] = nameIndices[at] < 0 ? 0n : address(this.ranges.start(range));
        symbolLimits[at] = address(this.ranges.limit(range));
      }
    }
    const { problem, detail } = now ?? { problem: undefined, detail: "" };
    return { nameIndices, moduleIndices, symbolStarts, symbolLimits, names, modules, ...this.text, problem, detail };
  }

  private moduleIndex(module: string): number {
    const index = this.modules.indexOf(module);
    return index >= 0 ? index : this.modules.push(module) - 1;
  }
}

/** What /proc/kallsyms has in brackets for code that is in no module. */
function isMadeWhileRunning(module: string): boolean {
  return module === "bpf" || module.startsWith("__builtin__");
}

/** A kernel address as a number that is exact: all lie within 2^53 of the top. */
function place(address: bigint): number {
  return Number(BigInt.asIntN(64, address));
}

function address(place: number): bigint {
  return BigInt.asUintN(64, BigInt(place));
}

/** `size address` of each module by its name: without the counts of users, which change all the time. */
function loadedModules(path: string): ReadonlyMap<string, string> {
  try {
    const lines = readFileSync(path, "latin1").split("\n");
    const fields = lines.map((line) => line.split(" ")).filter((parts) => parts.length >= 6);
    return new Map(fields.map((parts) => [parts[0], `${parts[1]} ${parts[5]}`]));
  } catch (error) {
    if (errnoOf(error) === "") {
      throw error;
    }
    return new Map(); // a kernel without modules has no such file; then none is watched
  }
}
