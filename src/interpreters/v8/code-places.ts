import { upperBound } from "../../util/upper-bound.js";
import { functionBytes, type V8Function } from "./v8-function.js";
import type { LineColumn } from "./line-table.js";

/** A function at a line of it; both from 1, 0 where unknown. */
export interface CodePlace extends LineColumn {
  readonly function: V8Function;
}

const ENTRY_BYTES = 400;

/** Which functions, and which lines of them, a piece of code is at each of its offsets. */
export class CodePlaces {
  readonly bytes: number;

  private constructor(
    /** What was compiled, and then what was inlined. */
    private readonly functions: readonly V8Function[],
    private readonly offsets: Uint32Array,
    /** Of each offset a row of starts. */
    private readonly chains: Uint32Array,
    /** Chain c is rows starts[c] … starts[c + 1] of the columns below, innermost first. */
    private readonly starts: Uint32Array,
    private readonly functionRows: Uint32Array,
    private readonly lines: Uint32Array,
    private readonly columns: Uint32Array,
  ) {
    this.bytes =
      ENTRY_BYTES +
      offsets.byteLength * 2 +
      starts.byteLength +
      functionRows.byteLength * 3 +
      functions.reduce((sum, one) => sum + functionBytes(one), 0);
  }

  /** One whose code tells no lines: its function, where that begins. */
  static of(whole: V8Function): CodePlaces {
    return new CodePlacesBuilder(whole).build();
  }

  /** Made by {@link CodePlacesBuilder}. */
  static from(
    functions: readonly V8Function[],
    offsets: readonly number[],
    chains: readonly number[],
    chainRows: readonly (readonly ChainRow[])[],
  ): CodePlaces {
    const rows = chainRows.flat();
    const starts = new Uint32Array(chainRows.length + 1);
    for (const [chain, { length }] of chainRows.entries()) starts[chain + 1] = starts[chain] + length;
    return new CodePlaces(
      functions,
      Uint32Array.from(offsets),
      Uint32Array.from(chains),
      starts,
      Uint32Array.from(rows, ({ functionRow }) => functionRow),
      Uint32Array.from(rows, ({ line }) => line),
      Uint32Array.from(rows, ({ column }) => column),
    );
  }

  /** What was compiled. */
  get whole(): V8Function {
    return this.functions[0];
  }

  /** Innermost first; never none. What the last entry at or before the offset says, as V8 reads its tables. */
  at(offset: number): CodePlace[] {
    const entry = upperBound(this.offsets, offset) - 1;
    const { whole } = this;
    if (entry < 0) return [{ function: whole, line: whole.line, column: whole.column }];
    const chain = this.chains[entry];
    const places: CodePlace[] = [];
    for (let row = this.starts[chain]; row < this.starts[chain + 1]; row++) {
      const its = this.functions[this.functionRows[row]];
      const isKnown = this.lines[row] > 0;
      places.push({
        function: its,
        line: isKnown ? this.lines[row] : its.line,
        column: isKnown ? this.columns[row] : its.column,
      });
    }
    return places;
  }
}

interface ChainRow extends LineColumn {
  readonly functionRow: number;
}

/** Collects {@link CodePlaces}. */
export class CodePlacesBuilder {
  private readonly functions: V8Function[];
  private readonly rows = new Map<V8Function, number>();
  private readonly offsets: number[] = [];
  private readonly chains: number[] = [];
  private readonly chainRows: ChainRow[][] = [];

  constructor(whole: V8Function) {
    this.functions = [whole];
    this.rows.set(whole, 0);
  }

  /** A chain, innermost first; its number. */
  chain(places: readonly CodePlace[]): number {
    this.chainRows.push(
      places.map(({ function: its, line, column }) => ({ functionRow: this.rowOf(its), line, column })),
    );
    return this.chainRows.length - 1;
  }

  /** From that offset on; offsets ascend, and of equal ones the last holds. */
  from(offset: number, chain: number): void {
    if (this.chains.at(-1) === chain) return;
    this.offsets.push(offset);
    this.chains.push(chain);
  }

  build(): CodePlaces {
    return CodePlaces.from(this.functions, this.offsets, this.chains, this.chainRows);
  }

  private rowOf(its: V8Function): number {
    let row = this.rows.get(its);
    if (row === undefined) {
      row = this.functions.push(its) - 1;
      this.rows.set(its, row);
    }
    return row;
  }
}
