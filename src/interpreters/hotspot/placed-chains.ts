import type { Chain } from "./chain.js";

/** Positions from the first up to, and without, the second. */
export interface PositionRange {
  readonly from: number;
  readonly to: number;
}

/**
 * Chains of one compiled method by where in its code they hold: what is read for one instruction holds for its neighbours, as far as the
 * next place that the compiler has described. Ranges do not overlap.
 */
export class PlacedChains {
  /** By position, ascending. */
  private readonly placed: (PositionRange & { readonly chain: Chain })[] = [];

  get size(): number {
    return this.placed.length;
  }

  find(position: number): Chain | undefined {
    const found = this.placed.at(this.indexAbove(position) - 1);
    return found !== undefined && found.from <= position && position < found.to ? found.chain : undefined;
  }

  add({ from, to }: PositionRange, chain: Chain): void {
    this.placed.splice(this.indexAbove(from), 0, { from, to, chain });
  }

  *[Symbol.iterator](): Iterator<PositionRange & { readonly chain: Chain }> {
    yield* this.placed;
  }

  /** The first that begins behind the position. */
  private indexAbove(position: number): number {
    let low = 0;
    let high = this.placed.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.placed[middle].from > position) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
