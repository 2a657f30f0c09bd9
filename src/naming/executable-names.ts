import {
  UNRESOLVED_REASONS,
  type SymbolizeRequest,
  type SymbolizeResult,
  type UnresolvedReason,
} from "../symbols/resolver.js";
import { unnamed } from "../symbols/unnamed.js";
import type { Sized } from "../util/lru.js";
import { KnownNames } from "./known-names.js";
import { RangeTable, type AddedRange } from "./range-table.js";

/** What passes: the next question may be answered. */
const PASSING: ReadonlySet<UnresolvedReason> = new Set(["read-failed", "worker-failed", "let-go", "shed"]);

// Columns of a range.
const NAME = 0; // a number of names, or -1 - a reason's index
const BIAS = 1; // ELF address less file offset
const SYMBOL_START = 2;
const WIDTH = 3;

/** Its objects, empty columns and place in the cache; measured with seven thousand of them. */
const OWN_BYTES = 1500;

/** What is known of one executable's names, by ranges of file offsets. */
export class ExecutableNames implements Sized {
  private readonly ranges = new RangeTable(WIDTH);
  private readonly names = new KnownNames();
  private file: Pick<SymbolizeResult, "buildId" | "textStart" | "textLimit" | "textFileOffset"> | undefined;
  /** How often the worker ended over it in a row. */
  failures = 0;

  get bytes(): number {
    return OWN_BYTES + this.ranges.bytes + this.names.bytes;
  }

  /** Those of the file offsets, ascending, that it has no answer for. */
  unknown(fileOffsets: Float64Array): Float64Array {
    return fileOffsets.filter((offset) => this.ranges.find(offset) < 0);
  }

  learn(asked: Float64Array, result: SymbolizeResult): void {
    const { buildId, textStart, textLimit, textFileOffset } = result;
    if (result.textLimit > 0 || this.file === undefined) {
      this.file = { buildId, textStart, textLimit, textFileOffset };
    }
    const numbers = this.names.add(result.names);
    const added: AddedRange[] = [];
    for (let at = 0; at < asked.length; at++) {
      const index = result.nameIndices[at];
      const reason = result.reasons[at];
      if (index >= 0 || !PASSING.has(UNRESOLVED_REASONS[reason])) {
        const name = index >= 0 ? numbers[index] : -1 - reason;
        added.push({
          address: asked[at],
          start: result.rangeStarts[at],
          limit: result.rangeLimits[at],
          numbers: [name, result.elfAddresses[at] - asked[at], result.symbolStarts[at]],
        });
      }
    }
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
        const name = this.ranges.value(range, NAME);
        result.elfAddresses[at] = fileOffsets[at] + this.ranges.value(range, BIAS);
        result.nameIndices[at] = Math.max(name, -1);
        result.reasons[at] = name < 0 ? -1 - name : 0;
        result.symbolStarts[at] = this.ranges.value(range, SYMBOL_START);
        result.rangeStarts[at] = this.ranges.start(range);
        result.rangeLimits[at] = this.ranges.limit(range);
      }
      if (result.nameIndices[at] < 0) {
        const reason = UNRESOLVED_REASONS[result.reasons[at]];
        unresolved[reason] = (unresolved[reason] ?? 0) + 1;
      }
    }
    return { ...result, ...this.file, names: this.names.list, unresolved };
  }
}
