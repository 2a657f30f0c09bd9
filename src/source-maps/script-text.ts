import { isAscii } from "node:buffer";

const NEWLINE = 0x0a;
const RETURN = 0x0d;
/** First byte of U+2028 and U+2029 in UTF-8, line ends of ECMAScript too. */
const SEPARATOR = 0xe2;
const BYTE_ORDER_MARK = Buffer.from("\ufeff");

/**
 * Chosen lines of a script, without their ends, as V8 counts them: a line ends at a line feed, a carriage return, both, and at either
 * of Unicode's separators (ECMA-262, section 12.3).
 *
 * @param wanted line numbers from 0, ascending. @returns those that there are.
 */
export function scriptLines(file: Buffer, wanted: readonly number[]): ReadonlyMap<number, string> {
  const text = withoutMark(file);
  const lines = new Map<number, string>();
  let [line, start] = [0, 0];
  for (const number of wanted) {
    while (line < number && start >= 0) {
      start = endOf(text, start).next;
      line++;
    }
    if (start < 0) break;
    if (!lines.has(number)) lines.set(number, text.toString("utf8", start, endOf(text, start).end));
  }
  return lines;
}

/** Whether a file may be the source of so many UTF-16 code units that V8 has. */
export function hasCharacters(file: Buffer, characters: number): boolean {
  const text = withoutMark(file);
  const length = isAscii(text) ? text.length : text.toString("utf8").length;
  // Node.js leaves the mark to V8 where an ES module imports a CommonJS one.
  return characters === length || (text !== file && characters === length + 1);
}

/** Node.js takes it away before V8 sees it. */
function withoutMark(file: Buffer): Buffer {
  return file.subarray(0, 3).equals(BYTE_ORDER_MARK) ? file.subarray(3) : file;
}

/** Where the line that starts there ends, and the next one starts, -1 where there is none. */
function endOf(text: Buffer, start: number): { readonly end: number; readonly next: number } {
  for (let at = start; at < text.length; at++) {
    const byte = text[at];
    if (byte === NEWLINE) return { end: at, next: at + 1 };
    if (byte === RETURN) return { end: at, next: text[at + 1] === NEWLINE ? at + 2 : at + 1 };
    if (byte === SEPARATOR && text[at + 1] === 0x80 && (text[at + 2] | 1) === 0xa9) return { end: at, next: at + 3 };
  }
  return { end: text.length, next: -1 };
}
