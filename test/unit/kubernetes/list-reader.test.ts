import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ListReader, type ListEnvelope } from "#src/kubernetes/list-reader.js";
import { cutAt } from "../../support/cut-bytes.js";

interface Read {
  readonly items: readonly unknown[];
  readonly oversized: readonly number[];
  readonly envelope: ListEnvelope | undefined;
}

function read(chunks: readonly Buffer[], maxItemBytes = 1 << 20): Read {
  const items: unknown[] = [];
  const oversized: number[] = [];
  const handlers = {
    item: (text: string) => void items.push(JSON.parse(text)),
    oversized: (bytes: number) => void oversized.push(bytes),
  };
  const reader = new ListReader(handlers, maxItemBytes);
  for (const chunk of chunks) reader.push(chunk);
  return { items, oversized, envelope: reader.end() };
}

/** Fields of a list in any order, with others between them; strings may hold whatever opens and closes. */
const anyObject = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { noNullPrototype: true });
const anyList = fc
  .record({
    metadata: fc.constant({ resourceVersion: "77", continue: 'next"}]{[' }),
    items: fc.array(anyObject),
    kind: fc.constantFrom("PodList", "items", '"items":['),
    others: fc.jsonValue({ maxDepth: 2 }),
  })
  .chain((list) =>
    fc.shuffledSubarray(Object.entries(list), { minLength: 4 }).map((entries) => Object.fromEntries(entries)),
  );

describe("a list", () => {
  it("is cut into its items as JSON.parse finds them, wherever the chunks are cut", () => {
    fc.assert(
      fc.property(anyList, fc.array(fc.nat(), { maxLength: 20 }), fc.constantFrom(0, 2), (list, cuts, indent) => {
        const text = JSON.stringify(list, undefined, indent);
        const { items, envelope } = read(cutAt(Buffer.from(text), cuts));
        assert.deepEqual(items, (JSON.parse(text) as { items: unknown[] }).items);
        assert.deepEqual(envelope, { resourceVersion: "77", continueToken: 'next"}]{[' });
      }),
    );
  });

  it("that is cut short, or is no list, is none; nothing throws", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.array(fc.nat()), (bytes, cuts) => {
        const reader = new ListReader({ item: () => undefined, oversized: () => undefined }, 100);
        for (const chunk of cutAt(Buffer.from(bytes), cuts)) reader.push(chunk);
        assert.equal(reader.end(), undefined);
      }),
    );
    const whole = Buffer.from('{"metadata":{"resourceVersion":"1"},"items":[{"a":"b"}]}');
    for (let length = 0; length < whole.length; length++) {
      assert.equal(read([whole.subarray(0, length)]).envelope, undefined);
    }
    assert.deepEqual(read([whole]).envelope, { resourceVersion: "1", continueToken: "" });
  });

  it("gives items up to the limit; of longer ones their length, held nowhere", () => {
    const items = [{ a: "x".repeat(92) }, { b: "y".repeat(93) }, { c: 1 }];
    const text = JSON.stringify({ items, metadata: { resourceVersion: "1" } });
    const found = read(cutAt(Buffer.from(text), [50, 100, 150, 200]), 100);
    assert.deepEqual(found.items, [items[0], items[2]]);
    assert.deepEqual(found.oversized, [101]);
    assert.equal(found.envelope?.resourceVersion, "1");
  });

  it("may be empty, and may say so with null", () => {
    for (const items of ["[]", "null", "[ ]"]) {
      const found = read([Buffer.from(`{"items":${items},"metadata":{"resourceVersion":"5"}}`)]);
      assert.deepEqual(found, { items: [], oversized: [], envelope: { resourceVersion: "5", continueToken: "" } });
    }
  });

  it("with an envelope without end is none", () => {
    const text = JSON.stringify({ metadata: { resourceVersion: "1", note: "x".repeat(100_000) }, items: [] });
    assert.equal(read(cutAt(Buffer.from(text), [1000, 50_000, 90_000])).envelope, undefined);
  });
});
