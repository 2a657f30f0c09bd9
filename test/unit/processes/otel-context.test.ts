import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { MAX_PAYLOAD_BYTES, parseContextHeader, parseContextPayload } from "#src/processes/otel-context.js";
import { contextHeader, contextPayload, resourcePayload } from "../../support/context-payload.js";

describe("a context's header", () => {
  const cases: [string, Buffer, string][] = [
    ["of another signature", contextHeader(9, { signature: "OTEL_CTY" }), "signature"],
    ["that is not written yet", contextHeader(9, { signature: "\0\0\0\0\0\0\0\0" }), "signature"],
    ["that is cut", contextHeader(9).subarray(0, 31), "signature"],
    ["of another version", contextHeader(9, { version: 3 }), "version"],
    ["without a payload", contextHeader(0), "size"],
    ["with a payload past the limit", contextHeader(MAX_PAYLOAD_BYTES + 1), "size"],
    ["that changes just now", contextHeader(9, { publishedNs: 0n }), "changing"],
  ];
  for (const [what, bytes, problem] of cases) it(what, () => assert.equal(parseContextHeader(bytes), problem));

  it("says where the payload is", () => {
    assert.deepEqual(parseContextHeader(contextHeader(9, { publishedNs: 7n, address: 0x7fff_0000_1000n })), {
      payloadBytes: 9,
      publishedNs: 7n,
      payloadAddress: 0x7fff_0000_1000n,
    });
  });
});

describe("a context's payload", () => {
  const shop = { service: "shop", env: "prod", version: "1.2" };
  const attributes = {
    "telemetry.sdk.language": "python",
    "service.name": "shop",
    "service.instance.count": 3,
    "deployment.environment.name": "prod",
    "service.version": "1.2",
  };
  const cases: [string, Buffer, unknown][] = [
    [
      "as it is published today",
      contextPayload(attributes, { "service.name": "no resource", "thread.key": "x" }),
      shop,
    ],
    ["as drafts had it", resourcePayload(attributes), shop],
    ["as drafts had it, with attributes dropped", resourcePayload(attributes, 7), shop],
    [
      "with the environment's older name",
      contextPayload({ "deployment.environment": "dev" }),
      { service: "", env: "dev", version: "" },
    ],
    ["that is empty", Buffer.alloc(0), { service: "", env: "", version: "" }],
    ["whose service is a number", contextPayload({ "service.name": 5 }), { service: "", env: "", version: "" }],
    ["that is cut", contextPayload(attributes).subarray(0, -3), "malformed"],
    ["of a group, which nobody writes any more", Buffer.of(0x0b), "malformed"],
    ["of a number without an end", Buffer.alloc(12, 0xff), "malformed"],
    ["longer than it says", Buffer.of(0x0a, 0x7f, 0x01), "malformed"],
  ];
  for (const [what, bytes, expected] of cases) it(what, () => assert.deepEqual(parseContextPayload(bytes), expected));

  it("of more attributes than anyone has is refused", () => {
    const many = Object.fromEntries(Array.from({ length: 1025 }, (_, index) => [`key${index}`, "x"]));
    assert.equal(parseContextPayload(contextPayload(many)), "malformed");
  });

  it("of any bytes, or with any byte changed, gives bounded text or a reason", () => {
    const whole = contextPayload(attributes);
    const changed = fc
      .array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 4 })
      .map((changes) => changes.reduce((bytes, [at, byte]) => (bytes.writeUInt8(byte, at), bytes), Buffer.from(whole)));
    const any = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.oneof(changed, any), (bytes) => {
        const result = parseContextPayload(bytes);
        if (typeof result === "string") assert.equal(result, "malformed");
        else assert.ok([result.service, result.env, result.version].every((value) => value.length <= 1024));
        void parseContextHeader(bytes);
      }),
      { numRuns: 2000 },
    );
  });

  it("with any attributes is read as they were written", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 50 });
    fc.assert(
      fc.property(fc.dictionary(fc.string({ minLength: 1 }), text), text, (others, service) => {
        const written = { ...others, "service.name": service };
        const read = parseContextPayload(resourcePayload(written));
        assert.equal(typeof read === "string" ? read : read.service, service);
      }),
    );
  });
});
