import {
  UNRESOLVED_REASONS,
  type SymbolizeRequest,
  type SymbolizeResult,
  type UnresolvedReason,
} from "../symbols/resolver.js";
import { unnamed } from "../symbols/unnamed.js";
import type { Sized } from "../util/lru.js";
import { KnownFunctions } from "./known-functions.js";
import { RangeTable, type AddedRange } from "./range-table.js";

/** What passes: the next question may be answered. */
const PASSING: ReadonlySet<UnresolvedReason> = new Set(["read-failed", "worker-failed", "let-go", "shed"]);

// Columns of a range.
const CHAIN = 0; // a number of chains, or -1 - a reason's index
const BIAS = 1; // ELF address less file offset
const SYMBOL_START = 2;
const PROVISIONAL = 3; // 0 when the answer is for good, 1 when there was no time for a better one, or SUPERSEDED
const WIDTH = 4;

const FOR_GOOD = 0;
/** From before a debug file came: it holds until there is another one. */
const SUPERSEDED = 2;

/** Its objects, empty columns and place in the cache; measured with seven thousand of them. */
const OWN_BYTES = 2500;

/** What is known of one executable's names, by ranges of file offsets. */
export class ExecutableNames implements Sized {
  private readonly ranges = new RangeTable(WIDTH);
  private readonly functions = new KnownFunctions();
  private file: Pick<SymbolizeResult, "buildId" | "textStart" | "textLimit" | "textFileOffset"> | undefined;
  /** Whether some answers are not for good. */
  private provisional = false;
  /** How often the worker ended over it in a row. */
  failures = 0;
  /** Build ID of a debug file that would tell more, and is not here. */
  wantsDebugInfo: string | undefined;
  /** Whether a debug file came, and nobody has been asked since. */
  private lookAgain = false;

  get bytes(): number {
    return OWN_BYTES + this.ranges.bytes + this.functions.bytes;
  }

  /** Those of the file offsets, ascending, that it has no answer for, or none for good. */
  unknown(fileOffsets: Float64Array): Float64Array {
    return fileOffsets.filter((offset) => {
      const range = this.ranges.find(offset);
      return range < 0 || this.ranges.value(range, PROVISIONAL) !== FOR_GOOD;
    });
  }

  /** A debug file came: everything is asked anew, and what is known serves until then. */
  askAnew(): void {
    this.lookAgain = true;
    this.provisional ||= this.ranges.length > 0;
    this.ranges.fill(PROVISIONAL, SUPERSEDED);
  }

  get looksAgain(): boolean {
    return this.lookAgain;
  }

  learn(asked: Float64Array, result: SymbolizeResult): void {
    const { buildId, textStart, textLimit, textFileOffset } = result;
    if (result.textLimit > 0 || this.file === undefined) {
      this.file = { buildId, textStart, textLimit, textFileOffset };
    }
    if (!isUnasked(result)) {
      this.wantsDebugInfo = result.wantsDebugInfo;
      this.lookAgain = false;
    }
    const numbers = this.functions.add(result);
    const added: AddedRange[] = [];
    for (let at = 0; at < asked.length; at++) {
      const index = result.chainIndices[at];
      const reason = result.reasons[at];
      if (index >= 0 || !PASSING.has(UNRESOLVED_REASONS[reason])) {
        const chain = index >= 0 ? numbers[index] : -1 - reason;
        added.push({
          address: asked[at],
          start: result.rangeStarts[at],
          limit: result.rangeLimits[at],
          numbers: [chain, result.elfAddresses[at] - asked[at], result.symbolStarts[at], result.provisional[at]],
        });
      }
    }
    if (this.provisional) {
      const bettered = new Set(added.map(({ address }) => this.ranges.find(address)));
      this.ranges.filter((range) => this.ranges.value(range, PROVISIONAL) === FOR_GOOD || !bettered.has(range));
    }
    this.provisional ||= result.provisional.includes(1);
    this.ranges.merge(added);
  }

  /** The answer by what is known; what is not has this reason. */
  answer(request: SymbolizeRequest, missing: UnresolvedReason): SymbolizeResult {
    const { fileOffsets } = request;
    const result = unnamed(request, missing);
    const unresolved: Partial<Record<UnresolvedReason, number>> = {};
    for (let at = 0; at < fileOffsets.length; at++) {
      const range = this.ranges.find(fileOffsets[at]);
      if (range >= 0) {
        const chain = this.ranges.value(range, CHAIN);
        result.elfAddresses[at] = fileOffsets[at] + this.ranges.value(range, BIAS);
        result.chainIndices[at] = Math.max(chain, -1);
        result.reasons[at] = chain < 0 ? -1 - chain : 0;
        result.symbolStarts[at] = this.ranges.value(range, SYMBOL_START);
        result.provisional[at] = this.ranges.value(range, PROVISIONAL);
        result.rangeStarts[at] = this.ranges.start(range);
        result.rangeLimits[at] = this.ranges.limit(range);
      }
      if (result.chainIndices[at] < 0) {
        const reason = UNRESOLVED_REASONS[result.reasons[at]];
        unresolved[reason] = (unresolved[reason] ?? 0) + 1;
      }
    }
    return { ...result, ...this.file, ...this.functions.columns(), unresolved };
  }
}

/** Whether the worker did not come to look at the file. */
function isUnasked({ unresolved }: SymbolizeResult): boolean {
  return unresolved["worker-failed"] !== undefined || unresolved["read-failed"] !== undefined;
}
