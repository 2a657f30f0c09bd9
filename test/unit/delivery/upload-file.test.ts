import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { readUploadFile, uploadFileBytes, uploadFileHead } from "#src/delivery/upload-file.js";
import { isPartialName, parseSpoolName, partialNameOf, spoolNameOf } from "#src/delivery/spool-name.js";
import type { Upload } from "#src/model/upload.js";
import { uploadOf } from "../../support/plain-destination.js";

const fileOf = (upload: Upload): Buffer => Buffer.concat([uploadFileHead(upload), upload.body]);

const arbitraryUpload: fc.Arbitrary<Upload> = fc.record({
  id: fc.uuid(),
  startNs: fc.bigInt(0n, (1n << 62n) - 1n),
  endNs: fc.bigInt(0n, (1n << 62n) - 1n),
  profiles: fc.nat(),
  path: fc.constantFrom("", "/", "/profiling/v1/input", "/ingest?name=a%20b&from=1", "?x"),
  headers: fc.dictionary(fc.stringMatching(/^[a-z-]{1,20}$/), fc.stringMatching(/^[\x20-\x7e]{0,40}$/)),
  body: fc.uint8Array({ maxLength: 2000 }),
});

describe("the file of an upload", () => {
  it("is read as it was written, and is as long as was foretold", () => {
    fc.assert(
      fc.property(arbitraryUpload, (upload) => {
        const file = fileOf(upload);
        assert.equal(uploadFileBytes(upload), file.byteLength);
        const read = readUploadFile(file);
        assert.ok(typeof read === "object");
        assert.deepEqual(
          { ...read, headers: { ...read.headers }, body: Buffer.from(read.body) },
          { ...upload, headers: { ...upload.headers }, body: Buffer.from(upload.body) },
        );
      }),
    );
  });

  it("tells a person what it is in its first line", () => {
    const [line] = fileOf(uploadOf(3)).toString("latin1").split("\n");
    assert.match(line, /^[\da-f]{8} \{"version":1,"id":"[\da-f-]{36}","startNs":"1790000180000000000","endNs":"17/);
  });

  it("is corrupt when any byte of it changed, or any was lost or added", () => {
    const file = fileOf(uploadOf(1, 300));
    fc.assert(
      fc.property(fc.nat(file.byteLength - 1), fc.integer({ min: 1, max: 255 }), (place, change) => {
        const changed = Buffer.from(file);
        changed[place] ^= change;
        assert.equal(readUploadFile(changed), "corrupt");
        assert.equal(readUploadFile(file.subarray(0, place)), "corrupt");
        assert.equal(readUploadFile(Buffer.concat([file, changed.subarray(place)])), "corrupt");
      }),
    );
  });

  it("may hold any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
        assert.equal(readUploadFile(bytes), "corrupt");
      }),
    );
  });

  it("may hold any JSON under a right checksum", () => {
    const wild = fc.oneof(
      fc.json(),
      fc
        .record(
          {
            version: fc.constantFrom(1, 1, 1, 2, "1", null),
            id: fc.oneof(fc.uuid(), fc.string()),
            startNs: fc.oneof(fc.constant("1"), fc.string(), fc.integer()),
            endNs: fc.constantFrom("1", "-1", "1e9", "9".repeat(30)),
            profiles: fc.oneof(fc.nat(), fc.double(), fc.string()),
            path: fc.oneof(fc.constantFrom("//evil/", "@evil/", "/a\r\nHost: x", "/ok"), fc.string()),
            headers: fc.oneof(fc.dictionary(fc.string(), fc.string()), fc.constant({ "a\r\nb": "c" }), fc.jsonValue()),
            bodyBytes: fc.constantFrom(3, 4, "3", null),
          },
          { requiredKeys: [] },
        )
        .map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(wild, (json) => {
        const read = readUploadFile(withChecksum(`${json}\nabc`));
        if (typeof read === "string") return;
        assert.ok(!read.path.startsWith("//") && !/[\r\n@]/.test(read.path[0] ?? ""), read.path);
        assert.doesNotMatch(JSON.stringify(read.headers), /\\r|\\n/);
        assert.equal(read.body.byteLength, 3);
      }),
    );
  });

  it("of a newer agent is told from a corrupt one", () => {
    assert.equal(readUploadFile(withChecksum('{"version":2}\nabc')), "unknown-version");
  });

  it("is not written where it would not be read", () => {
    const upload = uploadOf(1);
    for (const wrong of [
      { path: "//other/host" },
      { path: "/a\nb" },
      { headers: { "a b": "c" } },
      { headers: { a: "b\r\nc: d" } },
      { headers: { a: "x".repeat(70_000) } },
      { id: "7" },
      { startNs: -1n },
    ]) {
      assert.equal(uploadFileBytes({ ...upload, ...wrong }), undefined, Object.keys(wrong).join());
    }
  });
});

describe("the name of an upload's file", () => {
  it("says again what was put in, and sorts by time", () => {
    fc.assert(
      fc.property(
        fc.nat(8e14),
        fc.nat(8e14),
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        fc.nat(999_999),
        (one, other, run, profiles) => {
          const name = spoolNameOf({ sequence: one, run, profiles });
          assert.deepEqual(parseSpoolName(name), { sequence: one, run, profiles });
          assert.ok(isPartialName(partialNameOf(name)) && !isPartialName(name));
          if (one !== other) assert.equal(name < spoolNameOf({ sequence: other, run, profiles }), one < other);
        },
      ),
    );
  });

  it("is no other file's", () => {
    for (const name of [
      "",
      "..",
      "notes.txt",
      "1-1-1.upload",
      "999999999999999-00000000-1.upload",
      "001790000000000-0000000g-1.upload",
      "001790000000000-00000000-1.upload.bak",
      "a001790000000000-00000000-1.upload",
      "001790000000000-00000000-1.upload\n",
    ]) {
      assert.equal(parseSpoolName(name), undefined, JSON.stringify(name));
    }
  });
});

function withChecksum(text: string): Buffer {
  // The CRC-32 of zlib, by the book: the code under test has only zlib's own.
  let crc = 0xffffffff;
  const bytes = Buffer.from(text);
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return Buffer.concat([Buffer.from(`${((crc ^ 0xffffffff) >>> 0).toString(16).padStart(8, "0")} `), bytes]);
}
