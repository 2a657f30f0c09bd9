import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Resolver } from "#src/symbols/resolver.js";

export interface KnownSymbol {
  readonly elfAddress: number;
  readonly systemName: string;
  /** Where the symbol starts, ELF address. */
  readonly start: number;
}

export interface ResolverFacts {
  /** A new resolver over the same file. */
  readonly make: () => Resolver;
  readonly known: readonly KnownSymbol[];
  /** ELF addresses that no symbol covers. */
  readonly uncovered: readonly number[];
  /** What the file's symbols may cost once used. */
  readonly maxBytes: number;
}

const REASONS = ["no-symbols", "not-covered", "malformed", "limit-exceeded", "read-failed"];

/** What every symbol source keeps to; each source's test calls this with addresses it knows from elsewhere. */
export function describeResolver(what: string, facts: () => ResolverFacts): void {
  describe(`${what} as a resolver`, () => {
    it("names what it knows, with the symbol's start", () => {
      const { make, known } = facts();
      const resolver = make();
      assert.ok(known.length > 0);
      for (const { elfAddress, systemName, start } of known) {
        const found = resolver.resolve(elfAddress);
        assert.ok(typeof found !== "string", `0x${elfAddress.toString(16)}: ${JSON.stringify(found)}`);
        assert.deepEqual([found.systemName, found.start], [systemName, start], `0x${elfAddress.toString(16)}`);
      }
    });

    it("answers alike in any order and any number of times", () => {
      const { make, known, uncovered } = facts();
      const addresses = [...known.map(({ elfAddress }) => elfAddress), ...uncovered];
      const forth = make();
      const back = make();
      const expected = new Map(addresses.map((address) => [address, forth.resolve(address)]));
      for (const address of addresses.toReversed()) {
        assert.deepEqual(back.resolve(address), expected.get(address));
        assert.deepEqual(back.resolve(address), expected.get(address));
      }
    });

    it("says around each address how far its answer holds", () => {
      const { make, known, uncovered } = facts();
      const addresses = [...known.map(({ elfAddress }) => elfAddress), ...uncovered];
      const nameAt = (resolver: Resolver, address: number) => {
        const found = resolver.resolve(address);
        return typeof found === "string" ? found : `${found.systemName} at ${found.start}`;
      };
      const resolver = make();
      for (const address of addresses) {
        const found = resolver.resolve(address);
        const { from, limit } = typeof found === "string" ? resolver.gapAround(address) : found;
        assert.ok(from <= address && address < limit, `${from} ${address} ${limit}`);
        const first = Math.max(from, address - 5000);
        const last = Math.min(limit, address + 5000);
        for (let other = first; other < last; other++) {
          assert.equal(nameAt(make(), other), nameAt(resolver, address), `0x${other.toString(16)}`);
        }
      }
    });

    it("gives a reason where no symbol is", () => {
      const { make, uncovered } = facts();
      const resolver = make();
      for (const address of uncovered) {
        assert.equal(resolver.resolve(address), "not-covered", `0x${address.toString(16)}`);
      }
    });

    it("takes any number for an address", () => {
      const resolver = facts().make();
      const odd = [-1, -0, 0.5, NaN, Infinity, -Infinity, 2 ** 32, 2 ** 53, 2 ** 64, Number.MAX_VALUE];
      const check = (address: number) => {
        const found = resolver.resolve(address);
        if (typeof found === "string") assert.ok(REASONS.includes(found), found);
        else assert.ok(found.start <= address);
      };
      odd.forEach(check);
      fc.assert(fc.property(fc.double(), check), { numRuns: 200 });
      fc.assert(fc.property(fc.maxSafeNat(), check), { numRuns: 200 });
    });

    it("says what memory it holds, and holds no more with use", () => {
      const { make, known, uncovered, maxBytes } = facts();
      const resolver = make();
      const use = () =>
        [...known.map(({ elfAddress }) => elfAddress), ...uncovered].forEach((at) => resolver.resolve(at));
      assert.ok(resolver.bytes >= 0);
      use();
      const { bytes } = resolver;
      assert.ok(bytes <= maxBytes, `${bytes} bytes`);
      use();
      assert.equal(resolver.bytes, bytes);
    });
  });
}
