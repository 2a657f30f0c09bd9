/** Where a value lies in JSON text: bytes from `start` up to `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
/** Brackets in brackets. A source map has five at most. */
const MAX_DEPTH = 64;
/** Of an object: a source map has some ten, and what tools add. */
const MAX_KEYS = 64;
const MAX_KEY_BYTES = 64;

/**
 * The values of the object that begins at or after `start`, by key; undefined where there is none, or the text breaks off. No
 * value is made of it: most of a source map is the text of its sources, and what is hostile would become many small objects.
 * Scalars and the pairing of brackets are not checked; whoever reads a value does.
 */
export function objectSpans(text: Buffer, start: number): ReadonlyMap<string, Span> | undefined {
  const spans = new Map<string, Span>();
  let at = skipSpace(text, start);
  if (text[at] !== OPEN_OBJECT) return undefined;
  at = skipSpace(text, at + 1);
  if (text[at] === CLOSE_OBJECT) return spans;
  for (let keys = 0; keys < MAX_KEYS; keys++) {
    const keyEnd = text[at] === QUOTE ? skipString(text, at) : -1;
    if (keyEnd < 0) return undefined;
    const colon = skipSpace(text, keyEnd);
    const from = skipSpace(text, colon + 1);
    const end = text[colon] === COLON ? skipValue(text, from) : -1;
    if (end < 0) return undefined;
    if (keyEnd - at <= MAX_KEY_BYTES) spans.set(text.toString("latin1", at + 1, keyEnd - 1), { start: from, end });
    at = skipSpace(text, end);
    if (text[at] === CLOSE_OBJECT) return spans;
    if (text[at] !== COMMA) return undefined;
    at = skipSpace(text, at + 1);
  }
  return undefined;
}

/**
 * Where the elements of a list begin and end, in turn: element i from spans[2 * i] to spans[2 * i + 1]. Undefined where there is
 * no list, the text breaks off, or it has more than `most`.
 */
export function listSpans(text: Buffer, { start }: Pick<Span, "start">, most: number): Uint32Array | undefined {
  let at = skipSpace(text, start);
  if (text[at] !== OPEN_LIST) return undefined;
  at = skipSpace(text, at + 1);
  if (text[at] === CLOSE_LIST) return new Uint32Array(0);
  let spans = new Uint32Array(64);
  for (let count = 0; count < most;) {
    const end = skipValue(text, at);
    if (end < 0) return undefined;
    if (2 * count === spans.length) {
      const grown = new Uint32Array(2 * spans.length);
      grown.set(spans);
      spans = grown;
    }
    spans[2 * count] = at;
    spans[2 * count + 1] = end;
    count++;
    at = skipSpace(text, end);
    if (text[at] === CLOSE_LIST) return spans.slice(0, 2 * count);
    if (text[at] !== COMMA) return undefined;
    at = skipSpace(text, at + 1);
  }
  return undefined;
}

/** The string or number that lies there; undefined when it is neither, or longer than `maxBytes`. */
export function scalarAt(text: Buffer, { start, end }: Span, maxBytes: number): string | number | undefined {
  if (end - start > maxBytes || text[start] === OPEN_LIST || text[start] === OPEN_OBJECT) return undefined;
  try {
    const value: unknown = JSON.parse(text.toString("utf8", start, end));
    return typeof value === "string" || typeof value === "number" ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Past the value, -1 where it does not end. */
function skipValue(text: Buffer, start: number): number {
  const first = text[start];
  if (first === QUOTE) return skipString(text, start);
  if (first === OPEN_LIST || first === OPEN_OBJECT) return skipNested(text, start);
  let at = start;
  while (at < text.length && !endsScalar(text[at])) at++;
  return at === start || at === text.length ? -1 : at;
}

function skipNested(text: Buffer, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length;) {
    const byte = text[at];
    if (byte === QUOTE) {
      at = skipString(text, at);
      if (at < 0) return -1;
      continue;
    }
    at++;
    if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      if (++depth > MAX_DEPTH) return -1;
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
      if (--depth === 0) return at;
    }
  }
  return -1;
}

function skipString(text: Buffer, start: number): number {
  for (let quote = text.indexOf(QUOTE, start + 1); quote >= 0; quote = text.indexOf(QUOTE, quote + 1)) {
    let before = quote - 1;
    while (text[before] === BACKSLASH && before > start) before--;
    if ((quote - before) % 2 === 1) return quote + 1;
  }
  return -1;
}

function skipSpace(text: Buffer, start: number): number {
  let at = start;
  while (isSpace(text[at])) at++;
  return at;
}

function endsScalar(byte: number): boolean {
  return byte === COMMA || byte === CLOSE_LIST || byte === CLOSE_OBJECT || isSpace(byte);
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
