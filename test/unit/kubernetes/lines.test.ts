import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { linesOf, type Line } from "#src/kubernetes/lines.js";
import { cutAt } from "../../support/cut-bytes.js";

async function collect(chunks: readonly Buffer[], maxBytes: number): Promise<readonly Line[]> {
  const lines: Line[] = [];
  for await (const line of linesOf(asStream(chunks), maxBytes)) lines.push(line);
  return lines;
}

async function* asStream(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) yield await Promise.resolve(chunk);
}

describe("lines", () => {
  it("come whole, wherever the chunks are cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: "binary", minLength: 1 }).map((text) => text.replaceAll("\n", " "))),
        fc.array(fc.nat()),
        async (texts, cuts) => {
          const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(""));
          const lines = await collect(cutAt(bytes, cuts), 1 << 20);
          assert.deepEqual(
            lines,
            texts.map((text) => ({ kind: "line", text })),
          );
        },
      ),
    );
  });

  it("above the limit are told by their length, and the next one comes", async () => {
    const chunks = cutAt(Buffer.from(`${"x".repeat(11)}\n${"y".repeat(10)}\n`), [4, 8]);
    assert.deepEqual(await collect(chunks, 10), [
      { kind: "oversized", bytes: 11 },
      { kind: "line", text: "y".repeat(10) },
    ]);
  });

  it("that the stream ends within are told, also above the limit", async () => {
    assert.deepEqual(await collect([Buffer.from('a\n{"type":')], 10), [
      { kind: "line", text: "a" },
      { kind: "truncated", bytes: 8 },
    ]);
    assert.deepEqual(await collect([Buffer.from("x".repeat(20))], 10), [{ kind: "truncated", bytes: 20 }]);
  });

  it("without a text are none", async () => {
    assert.deepEqual(await collect([Buffer.from("\n\na\n\n")], 10), [{ kind: "line", text: "a" }]);
  });
});
