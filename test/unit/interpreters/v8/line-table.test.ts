import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { LineCounter, LineTable } from "#src/interpreters/v8/line-table.js";

const text = fc.string({ unit: fc.constantFrom("a", "\n", "\r", "\u2028", "\u2029", "é", "中"), maxLength: 60 });

/** Lines as the language has them. */
function placeOf(source: string, character: number): { line: number; column: number } {
  const ends = /\r\n|[\n\r\u2028\u2029]/g;
  let line = 0;
  let from = 0;
  for (let end = ends.exec(source); end !== null && ends.lastIndex <= character; end = ends.exec(source)) {
    line++;
    from = ends.lastIndex;
  }
  return { line, column: character - from };
}

describe("lines of a script", () => {
  it("are those of the language, in whatever pieces the source comes", () => {
    fc.assert(
      fc.property(text, fc.array(fc.nat(60), { maxLength: 3 }), (source, cuts) => {
        const counter = new LineCounter();
        const whole = Uint16Array.from({ length: source.length }, (_, at) => source.charCodeAt(at));
        let from = 0;
        for (const cut of [...cuts.sort((a, b) => a - b), source.length]) {
          const to = Math.max(from, Math.min(cut, source.length));
          counter.add(whole.subarray(from, to));
          from = to;
        }
        const table = new LineTable(counter.end());
        for (let character = 0; character < source.length; character++) {
          // The LF of a CR LF belongs to the line that it ends, and so does the CR.
          if (source[character] === "\n" && source[character - 1] === "\r") continue;
          assert.deepEqual(table.at(character), placeOf(source, character), JSON.stringify([source, character]));
        }
      }),
    );
  });

  it("say nothing of what lies beyond them", () => {
    const counter = new LineCounter();
    counter.add(Buffer.from("one\ntwo"));
    const table = new LineTable(counter.end());
    assert.deepEqual(table.at(7), { line: 1, column: 3 });
    assert.equal(table.at(8), undefined);
    assert.equal(table.at(-1), undefined);
  });
});
