import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { MalformedMessage, readFields, readTextEntry } from "#src/protobuf/reader.js";
import { MessageWriter } from "#src/protobuf/writer.js";

type Field = readonly [number, "varint" | "text" | "bytes" | "bool", unknown];

/** Reads all fields in the way the caller knows. */
function read(message: Uint8Array, kinds: Readonly<Record<number, Field[1]>>): Field[] {
  const fields: Field[] = [];
  readFields(message, (field, value) => {
    const kind = kinds[field];
    if (kind !== undefined) fields.push([field, kind, value[kind]()]);
  });
  return fields;
}

describe("protocol buffers", () => {
  it("are written as the format's own documentation has them", () => {
    // https://protobuf.dev/programming-guides/encoding: a = 150; b = "testing"; c is the first as a message.
    assert.equal(Buffer.from(new MessageWriter().varint(1, 150).finish()).toString("hex"), "089601");
    assert.equal(Buffer.from(new MessageWriter().text(2, "testing").finish()).toString("hex"), "120774657374696e67");
    const nested = new MessageWriter().message(3, new MessageWriter().varint(1, 150));
    assert.equal(Buffer.from(nested.finish()).toString("hex"), "1a03089601");
    assert.equal(Buffer.from(new MessageWriter().varint(1, -2).finish()).toString("hex"), "08feffffffffffffffff01");
    assert.equal(new MessageWriter().text(1, "").finish().length, 0);
  });

  it("are read as they were written", () => {
    const check = (number: bigint, text: string, bytes: Uint8Array, flag: boolean, far: number) => {
      const message = new MessageWriter().varint(1, number).bytes(2, Buffer.from(text)).bytes(far, bytes).bool(3, flag);
      const kinds = { 1: "varint", 2: "text", 3: "bool", [far]: "bytes" } as const;
      const [one, two, three, four] = read(message.finish(), kinds);
      assert.deepEqual([one[2], two[2], four[2]], [BigInt.asUintN(64, number), text, flag]);
      assert.deepEqual(Buffer.from(three[2] as Uint8Array), Buffer.from(bytes));
    };
    const number = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n });
    const text = fc.string({ unit: "grapheme" });
    fc.assert(
      fc.property(number, text, fc.uint8Array(), fc.boolean(), fc.integer({ min: 4, max: 2 ** 29 - 1 }), check),
    );
  });

  it("are the same whichever way they are written", () => {
    const column = fc.uint8Array({ minLength: 4, maxLength: 400 }).map((bytes) => {
      return new Uint32Array(bytes.buffer.slice(0, bytes.length & ~3));
    });
    const row = new MessageWriter();
    const check = (values: Uint32Array, from: number, text: string, expectedBytes: number, number: bigint) => {
      const plus = 3;
      const start = Math.min(from, values.length);
      const long = new MessageWriter()
        .message(
          1,
          new MessageWriter().packed(
            2,
            Array.from(values.subarray(start), (value) => value + plus),
          ),
        )
        .bytes(3, Buffer.from(text, "utf8"))
        .message(4, number === 0n ? new MessageWriter() : new MessageWriter().varint(5, number));
      const short = new MessageWriter(expectedBytes)
        .message(1, row.clear().packedColumn(2, values, start, values.length, plus))
        .fields(new MessageWriter().anyText(3, text).finish())
        .message(4, row.clear().nonZero(5, number));
      assert.deepEqual(Buffer.from(short.finish()), Buffer.from(long.finish()));
      assert.equal(short.length, short.finish().length);
    };
    const text = fc.string({ unit: "binary", maxLength: 300 });
    const number = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n });
    fc.assert(fc.property(column, fc.nat(50), text, fc.nat(100), fc.oneof(fc.constant(0n), number), check));
    const largest = new MessageWriter().packedColumn(1, Uint32Array.of(0xffff_ffff), 0, 1, 1);
    assert.equal(Buffer.from(largest.finish()).toString("hex"), "0a058080808010");
  });

  it("have fields that are not read, of every wire type, skipped", () => {
    const others = Buffer.from("4d00000000" + "510000000000000000" + "5a0161" + "6096ff01", "hex");
    const message = Buffer.concat([others, new MessageWriter().text(1, "x").finish(), others]);
    assert.deepEqual(read(message, { 1: "text" }), [[1, "text", "x"]]);
  });

  it("have maps of an entry each, in any order, with nothing for what is left out", () => {
    const entries = [
      new MessageWriter().text(2, "v").text(1, "k"),
      new MessageWriter().text(1, "k"),
      new MessageWriter(),
    ];
    assert.deepEqual(
      entries.map((entry) => readTextEntry(entry.finish())),
      [
        ["k", "v"],
        ["k", ""],
        ["", ""],
      ],
    );
  });

  for (const [what, hex] of [
    ["a number without an end", "0880808080808080808080"],
    ["a length beyond the end", "0a05616263"],
    ["a length beyond all reason", "0affffffffffffffffff01"],
    ["the field number zero", "00"],
    ["a group", "0b0c"],
    ["a cut tag", "80"],
    ["a cut fixed32", "0d0000"],
  ] as const) {
    it(`with ${what} are refused`, () => {
      assert.throws(() => read(Buffer.from(hex, "hex"), {}), MalformedMessage);
    });
  }

  it("of another type than expected are refused, as are texts that are not UTF-8 and numbers beyond 2^53", () => {
    assert.throws(() => read(Buffer.from("0800", "hex"), { 1: "text" }), MalformedMessage);
    assert.throws(() => read(Buffer.from("0a00", "hex"), { 1: "varint" }), MalformedMessage);
    assert.throws(() => read(Buffer.from("0a02c328", "hex"), { 1: "text" }), MalformedMessage);
    const large = new MessageWriter().varint(1, 2n ** 53n).finish();
    assert.throws(() => readFields(large, (_field, value) => value.number()), MalformedMessage);
  });

  it("of any bytes are read to the end or refused, never worse", () => {
    const kinds = fc.dictionary(
      fc.integer({ min: 1, max: 20 }).map(String),
      fc.constantFrom("varint", "text", "bytes"),
    );
    const check = (bytes: Uint8Array, of: Readonly<Record<string, "varint" | "text" | "bytes">>) => {
      try {
        read(bytes, of);
      } catch (error) {
        assert.ok(error instanceof MalformedMessage);
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), kinds, check), { numRuns: 5000 });
  });
});

describe("numbers that are written", () => {
  it("one by one or packed are read back, of any size and sign", () => {
    const number = fc.oneof(
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
      fc.integer(),
      fc.maxSafeInteger(),
      fc.constantFrom(0, 127, 128, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53 - 1),
    );
    fc.assert(
      fc.property(fc.array(number, { maxLength: 9 }), (numbers) => {
        const single = new MessageWriter();
        for (const each of numbers) single.varint(3, each);
        const read: bigint[] = [];
        readFields(single.finish(), (_, value) => read.push(value.varint()));
        assert.deepEqual(
          read,
          numbers.map((each) => BigInt.asUintN(64, BigInt(each))),
        );
        // Packed is the same bytes without the tags, in a field of one length.
        const bytes = new MessageWriter().packed(3, numbers).finish();
        const tagged = numbers.map((each) => new MessageWriter().varint(3, each).finish().subarray(1));
        readFields(bytes, (field, value) => {
          assert.equal(field, 3);
          assert.ok(Buffer.from(value.bytes()).equals(Buffer.concat(tagged)));
        });
        assert.equal(bytes.length === 0, numbers.length === 0);
      }),
    );
  });

  it("in eight bytes are read back", () => {
    for (const value of [0n, 1n, 2n ** 63n, 2n ** 64n - 1n]) {
      readFields(new MessageWriter().fixed64(1, value).finish(), (_, field) => assert.equal(field.fixed64(), value));
    }
  });
});
