import type { Extent } from "../../util/extent.js";
import type { Chain } from "./chain.js";

/**
 * Chains of one compiled method by where in its code they hold: what is read for one instruction holds for its neighbours, as far as the
 * next place that the compiler has described. Ranges do not overlap.
 */
export class PlacedChains {
  /** By position, ascending. */
  private readonly placed: (Extent & { readonly chain: Chain })[] = [];

  get size(): number {
    return this.placed.length;
  }

  find(position: number): Chain | undefined {
    const found = this.placed.at(this.indexAbove(position) - 1);
    return found !== undefined && found.from <= position && position < found.limit ? found.chain : undefined;
  }

  add({ from, limit }: Extent, chain: Chain): void {
    this.placed.splice(this.indexAbove(from), 0, { from, limit, chain });
  }

  *[Symbol.iterator](): Iterator<Extent & { readonly chain: Chain }> {
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
