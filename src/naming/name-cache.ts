import type { ExecutableSerial } from "../model/brand.js";
import { resolveByTable, type KernelSymbols } from "../symbols/kallsyms.js";
import { KernelTable } from "../symbols/kernel-table.js";
import {
  SYMBOL_SOURCES,
  UNRESOLVED_REASONS,
  type SymbolizeRequest,
  type SymbolizeResult,
  type SymbolSource,
  type UnresolvedReason,
} from "../symbols/resolver.js";
import { unnamed } from "../symbols/unnamed.js";
import { ByteLru } from "../util/lru.js";
import type { BoundFrames, BoundNames } from "./bound-frames.js";
import { ExecutableNames } from "./executable-names.js";
import { KernelNames, type SymbolChanges } from "./kernel-names.js";
import type { Namer } from "./name-window.js";

/** Where a name came from, and why there was none; the kernel's are told apart from executables'. */
const NAME_SOURCES = [...SYMBOL_SOURCES, "kallsyms"] as const;
export type NameSource = (typeof NAME_SOURCES)[number];
const NAME_MISSES = [...UNRESOLVED_REASONS, "kernel-hidden", "kernel-unread", "kernel-not-covered"] as const;
export type NameMiss = (typeof NAME_MISSES)[number];

/** Of the budget, the kernel's part, and the largest that one executable may have. */
const KERNEL_SHARE = 4;
const EXECUTABLE_SHARE = 2;
/** An executable that ends the worker so often in a row is not asked about again. */
const MAX_FAILURES = 3;
/** A kernel that hides its addresses costs a look at the first of them to find out; a person may have changed that meanwhile. */
const HIDDEN_REST_MS = 60_000;

/**
 * Rows of new files wait while the worker reads debug information, and in a storm of new programs there are hundreds a
 * second: what there was no time for is asked again.
 */
const LINES_BUDGET_MS = 20;
/** Of one CPU, what reading it may take in the long run, and how much of that may be taken at once. */
const LINES_SHARE = 0.002;
const LINES_BURST_MS = 250;

/**
 * A namer that remembers what another one answered: names by the ranges of addresses that have them, so that an address
 * inside a known function needs no question, and a steady load none at all. Within a budget of bytes; the executables
 * asked for least lately go first.
 */
export class NameCache implements Namer {
  private readonly executables: ByteLru<ExecutableSerial, ExecutableNames>;
  private readonly kernelNames: KernelNames;
  private table: KernelTable | undefined;
  private tableAskedMs = -Infinity;
  private hidden: { readonly symbols: KernelSymbols; readonly untilMs: number } | undefined;
  /** Addresses asked for, those of them that had to be asked on, and those that were not, though unknown: see {@link asksOn}. */
  readonly asked = { addresses: 0, unknown: 0, kernelPasses: 0, shed: 0 };
  /** Of those that were asked on, the named ones by source. */
  readonly found = new Map(NAME_SOURCES.map((source) => [source, 0]));
  /** Of those asked for, the ones without a name by reason, each time. */
  readonly missing = new Map(NAME_MISSES.map((reason) => [reason, 0]));
  /** Whether the other namer is asked at all. While it is not, names that are known go on, and addresses without one are "shed". */
  asksOn = true;
  /** Told of the build ID of each debug file that is not here, each time its executable is met. */
  onDebugFileWanted: ((buildId: string) => void) | undefined;

  private linesLeftMs = LINES_BURST_MS;
  private linesEarnedMs = performance.now();
  /** Addresses in files with debug information that have no lines, by why. */
  readonly withoutLines = new Map<string, number>();
  /** Searches for debug files, by `<kind> <outcome>`. */
  readonly debugFiles = new Map<string, number>();

  constructor(
    private readonly namer: Namer,
    private budgetBytes: number,
    modulesPath?: string,
    changes?: SymbolChanges,
  ) {
    this.executables = new ByteLru(executablesShare(budgetBytes));
    this.kernelNames = new KernelNames(budgetBytes / KERNEL_SHARE, modulesPath, changes);
  }

  get bytes(): number {
    return this.executables.bytes + this.kernelNames.bytes + (this.table?.bytes ?? 0);
  }

  /** Another budget from now on, of executables' names; the kernel's keep theirs. */
  resize(budgetBytes: number): void {
    this.budgetBytes = budgetBytes;
    this.executables.resize(executablesShare(budgetBytes));
  }

  /** A debug file came: whatever executables wanted it are asked about anew when they are met again. */
  debugFileArrived(buildId: string): void {
    for (const names of this.executables.values()) {
      if (names.wantsDebugInfo === buildId) names.askAnew();
    }
  }

  async symbolize(request: SymbolizeRequest): Promise<SymbolizeResult> {
    const names = this.executables.get(request.executable) ?? new ExecutableNames();
    const fileOffsets = names.unknown(request.fileOffsets);
    this.asked.addresses += request.fileOffsets.length;
    this.asked.unknown += fileOffsets.length;
    let failed = names.failures >= MAX_FAILURES;
    const wasLetGo = request.fd < 0 && request.image === undefined;
    const isShed = !this.asksOn && !failed && !wasLetGo;
    if (isShed) this.asked.shed += fileOffsets.length;
    if (fileOffsets.length > 0 && !failed && !wasLetGo && !isShed) {
      const linesBudgetMs = Math.min(LINES_BUDGET_MS, this.earnedLinesMs());
      const question = { ...request, fileOffsets, linesBudgetMs, lookAgain: names.looksAgain };
      const result = await this.namer.symbolize(question).catch(() => unnamed(question, "worker-failed"));
      failed = result.unresolved["worker-failed"] !== undefined;
      names.failures = failed ? names.failures + 1 : 0;
      names.learn(fileOffsets, result);
      addAll(this.found, Object.entries(result.found) as [SymbolSource, number][]);
      this.linesLeftMs -= result.linesMs;
      addAll(this.withoutLines, Object.entries(result.withoutLines));
      addAll(this.debugFiles, Object.entries(result.debugFiles));
    }
    if (names.wantsDebugInfo !== undefined && this.asksOn) this.onDebugFileWanted?.(names.wantsDebugInfo);
    // What no answer was kept for: the reasons that pass.
    const why = failed ? "worker-failed" : wasLetGo ? "let-go" : isShed ? "shed" : "read-failed";
    const answer = names.answer(request, why);
    addAll(this.missing, Object.entries(answer.unresolved) as [UnresolvedReason, number][]);
    // One executable does not push out all others.
    const fits = names.bytes <= this.budgetBytes / EXECUTABLE_SHARE;
    this.executables.set(request.executable, fits ? names : new ExecutableNames());
    return answer;
  }

  /** Time that may be spent on debug information now: it accrues, and is never more than a burst. */
  private earnedLinesMs(): number {
    const now = performance.now();
    this.linesLeftMs = Math.min(this.linesLeftMs + (now - this.linesEarnedMs) * LINES_SHARE, LINES_BURST_MS);
    this.linesEarnedMs = now;
    return this.linesLeftMs;
  }

  /** What means something in one process only is remembered by whoever names it. */
  async bound(frames: BoundFrames): Promise<BoundNames | undefined> {
    return this.namer.bound?.(frames);
  }

  async kernel(addresses: BigUint64Array): Promise<KernelSymbols> {
    this.kernelNames.refresh();
    const unknown = this.kernelNames.unknown(addresses);
    this.asked.addresses += addresses.length;
    this.asked.unknown += unknown.length;
    if (unknown.length === 0) {
      return this.countMissing(this.kernelNames.answer(addresses, unknown, undefined));
    }
    const table = await this.imageTable();
    const image = unknown.filter((address) => table?.covers(address) ?? false);
    if (table !== undefined && image.length > 0) {
      const symbols = resolveByTable(image, table);
      this.kernelNames.learn(image, symbols);
      this.countFound(symbols);
    }
    const elsewhere = unknown.filter((address) => !(table?.covers(address) ?? false));
    if (!this.asksOn) this.asked.shed += elsewhere.length;
    const now = elsewhere.length > 0 && this.asksOn ? await this.askKernel(elsewhere) : undefined;
    return this.countMissing(this.kernelNames.answer(addresses, elsewhere, now));
  }

  private countFound({ nameIndices }: KernelSymbols): void {
    addAll(this.found, [["kallsyms", nameIndices.length - unnamedIn(nameIndices)]]);
  }

  private countMissing(symbols: KernelSymbols): KernelSymbols {
    const { problem, nameIndices } = symbols;
    const reason =
      problem === "hidden" ? "kernel-hidden" : problem === "read-failed" ? "kernel-unread" : "kernel-not-covered";
    addAll(this.missing, [[reason, unnamedIn(nameIndices)]]);
    return symbols;
  }

  /** Asked for once; where the kernel hides its addresses, once in a while. */
  private async imageTable(): Promise<KernelTable | undefined> {
    const { namer } = this;
    if (
      this.table === undefined &&
      this.asksOn &&
      namer.kernelTable &&
      performance.now() > this.tableAskedMs + HIDDEN_REST_MS
    ) {
      this.tableAskedMs = performance.now();
      const data = await namer.kernelTable().catch(() => undefined);
      this.table = data && new KernelTable(data);
    }
    return this.table;
  }

  private async askKernel(addresses: BigUint64Array): Promise<KernelSymbols> {
    if (this.hidden !== undefined && performance.now() < this.hidden.untilMs) {
      const nothing = new Int32Array(addresses.length).fill(-1);
      const zeros = new BigUint64Array(addresses.length);
      const { symbols } = this.hidden;
      return {
        ...symbols,
        nameIndices: nothing,
        moduleIndices: new Uint16Array(addresses.length),
        symbolStarts: zeros,
        symbolLimits: zeros,
      };
    }
    this.asked.kernelPasses++;
    const symbols = await this.namer.kernel(addresses).catch((error: unknown) => {
      addAll(this.missing, [["worker-failed", addresses.length]]);
      throw error;
    });
    this.hidden = symbols.problem === undefined ? undefined : { symbols, untilMs: performance.now() + HIDDEN_REST_MS };
    this.kernelNames.learn(addresses, symbols);
    this.countFound(symbols);
    return symbols;
  }
}

function addAll<Key>(counts: Map<Key, number>, more: Iterable<readonly [Key, number]>): void {
  for (const [key, count] of more) {
    if (count > 0) counts.set(key, (counts.get(key) ?? 0) + count);
  }
}

function unnamedIn(nameIndices: Int32Array): number {
  return nameIndices.reduce((count, index) => count + (index < 0 ? 1 : 0), 0);
}

function executablesShare(budgetBytes: number): number {
  return budgetBytes - budgetBytes / KERNEL_SHARE;
}
