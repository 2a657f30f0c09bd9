import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { findCharacters, readString } from "#src/interpreters/v8/heap-string.js";
import { Heap, KnownMaps } from "#src/interpreters/v8/heap.js";
import { fuzz } from "../../../support/fuzz.js";
import { FakeHeap } from "../../../support/v8/fake-heap.js";
import { consString, externalString, flatString, slicedString, thinString } from "../../../support/v8/fake-strings.js";

function heapOf(fake: FakeHeap): Heap {
  return new Heap(fake, new KnownMaps());
}

type Shape =
  | { readonly kind: "flat" | "external"; readonly text: string }
  | { readonly kind: "cons"; readonly first: Shape; readonly second: Shape }
  | { readonly kind: "thin"; readonly actual: Shape }
  | { readonly kind: "sliced"; readonly parent: Shape; readonly from: number; readonly to: number };

const oneByte = fc.string({ maxLength: 40 }).map((text) => Buffer.from(text).toString("latin1"));
const { shape } = fc.letrec<{ shape: Shape }>((tie) => ({
  shape: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.record({ kind: fc.constant("flat"), text: fc.string({ unit: "binary", maxLength: 300 }) }),
    fc.record({ kind: fc.constant("external"), text: oneByte }),
    fc.record({ kind: fc.constant("cons"), first: tie("shape"), second: tie("shape") }),
    fc.record({ kind: fc.constant("thin"), actual: tie("shape") }),
    fc.record({
      kind: fc.constant("sliced"),
      parent: tie("shape"),
      from: fc.nat(50),
      to: fc.nat(100),
    }),
  ),
}));

function build(fake: FakeHeap, its: Shape): { readonly address: number; readonly text: string } {
  switch (its.kind) {
    case "flat":
      return { address: flatString(fake, its.text), text: its.text };
    case "external":
      return { address: externalString(fake, its.text), text: its.text };
    case "cons": {
      const first = build(fake, its.first);
      const second = build(fake, its.second);
      const text = first.text + second.text;
      return { address: consString(fake, first.address, second.address, text.length), text };
    }
    case "thin": {
      const { address, text } = build(fake, its.actual);
      return { address: thinString(fake, address, text.length), text };
    }
    default: {
      const parent = build(fake, its.parent);
      const from = Math.min(its.from, parent.text.length);
      const text = parent.text.slice(from, Math.max(from, its.to));
      return { address: slicedString(fake, parent.address, from, text.length), text };
    }
  }
}

function parts(its: Shape): number {
  switch (its.kind) {
    case "cons":
      return 1 + parts(its.first) + parts(its.second);
    case "thin":
      return 1 + parts(its.actual);
    case "sliced":
      return 1 + parts(its.parent);
    default:
      return 1;
  }
}

describe("strings of V8's heap", () => {
  it("are read whatever they are made of, as far as asked", async () => {
    await fc.assert(
      fc.asyncProperty(
        shape.filter((one) => parts(one) < 60),
        fc.nat(400),
        async (its, most) => {
          const fake = new FakeHeap();
          const { address, text } = build(fake, its);
          assert.equal(await readString(heapOf(fake), address, most), text.slice(0, most));
        },
      ),
      { numRuns: 300 },
    );
  });

  it("end where they lead in circles", async () => {
    const fake = new FakeHeap();
    const thin = thinString(fake, 0, 10);
    fake.words(thin + 16, { to: thin });
    const cons = consString(fake, thin, thin, 20);
    fake.words(cons + 16, { to: cons }, { to: cons });
    assert.equal(await readString(heapOf(fake), thin, 100), undefined);
    assert.equal(await readString(heapOf(fake), cons, 100), undefined);
    assert.equal(await findCharacters(heapOf(fake), thin), undefined);
  });

  it("tell where their characters lie when they are in one piece", async () => {
    const fake = new FakeHeap();
    const flat = flatString(fake, "in one piece");
    const expected = { address: flat + 16, length: 12, isOneByte: true };
    assert.deepEqual(await findCharacters(heapOf(fake), flat), expected);
    assert.deepEqual(await findCharacters(heapOf(fake), thinString(fake, flat, 12)), expected);
    assert.deepEqual(await findCharacters(heapOf(fake), consString(fake, flat, flatString(fake, ""), 12)), expected);
    assert.equal(await findCharacters(heapOf(fake), consString(fake, flat, flat, 24)), undefined);
    const external = await findCharacters(heapOf(fake), externalString(fake, "outside"));
    assert.equal(external?.length, 7);
  });

  it("are followed to where the collector has just moved them", async () => {
    const fake = new FakeHeap();
    const moved = flatString(fake, "moved");
    const before = flatString(fake, "wrong");
    fake.words(before, { raw: moved });
    assert.equal(await readString(heapOf(fake), before, 100), "moved");
  });

  it("are none of what is no string", async () => {
    const fake = new FakeHeap();
    assert.equal(await readString(heapOf(fake), fake.object(262, 64), 100), undefined);
    assert.equal(await readString(heapOf(fake), 0x10, 100), undefined);
    assert.equal(await readString(heapOf(fake), undefined, 100), undefined);
  });

  it("never make it throw, whatever lies there", () => {
    fuzz(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 512 }), (bytes) => {
        const memory = {
          readUpTo: (address: number, length: number) => {
            const from = address % 64;
            return Promise.resolve(Buffer.from(bytes.subarray(from, from + length)));
          },
        };
        void readString(new Heap(memory, new KnownMaps()), 0x1000, 1000);
      }),
      300,
    );
  });
});
