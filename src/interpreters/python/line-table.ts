/**
 * Line of the instruction at `position`, bytes into the code; 0 where the table says none. `position` may be
 * anything, the table any bytes: each byte is looked at once.
 */
export function lineAt(table: Uint8Array, minor: number, firstLine: number, position: number): number {
  if (minor < 10) return byteDeltas(table, firstLine, position);
  return minor === 10 ? signedRanges(table, firstLine, position) : locations(table, firstLine, position);
}

/** Until 3.9: co_lnotab, pairs of bytes of code and lines to the next entry (Objects/lnotab_notes.txt). */
function byteDeltas(table: Uint8Array, firstLine: number, position: number): number {
  let line = firstLine;
  let address = 0;
  for (let at = 0; at + 1 < table.length; at += 2) {
    address += table[at];
    if (address > position) break;
    line += signed(table[at + 1]);
  }
  return line;
}

/** 3.10, PEP 626: pairs of the range's bytes and its line, relative to the one before; -128 is a range without a line. */
function signedRanges(table: Uint8Array, firstLine: number, position: number): number {
  let line = firstLine;
  let end = 0;
  for (let at = 0; at + 1 < table.length; at += 2) {
    end += table[at];
    const delta = signed(table[at + 1]);
    if (delta !== -128) line += delta;
    if (position < end) return delta === -128 ? 0 : line;
  }
  return 0;
}

const NO_LOCATION = 15;
const LONG = 14;
const NO_COLUMNS = 13;
/** Codes 10 to 12 are 0 to 2 lines on, the lower ones on the same line. */
const ONE_LINE = 10;
/** An instruction and its caches are so many bytes each. */
const UNIT_BYTES = 2;

/** Since 3.11: entries of a byte with its highest bit set and what its code says (Objects/locations.md; InternalDocs/code_objects.md). */
function locations(table: Uint8Array, firstLine: number, position: number): number {
  let line = firstLine;
  let end = 0;
  for (let at = 0; at < table.length;) {
    const first = table[at++];
    if ((first & 0x80) === 0) return 0; // malformed
    const code = (first >> 3) & 15;
    end += ((first & 7) + 1) * UNIT_BYTES;
    if (code === LONG || code === NO_COLUMNS) line += signedVarint(table, at);
    else if (code >= ONE_LINE && code < NO_COLUMNS) line += code - ONE_LINE;
    if (position < end) return code === NO_LOCATION ? 0 : line;
    // Nothing but the first byte of an entry has its highest bit set.
    while (at < table.length && (table[at] & 0x80) === 0) at++;
  }
  return 0;
}

function signedVarint(table: Uint8Array, start: number): number {
  let value = 0;
  for (let at = start, shift = 0; at < table.length && shift <= 30; at++, shift += 6) {
    value += (table[at] & 63) * 2 ** shift;
    if ((table[at] & 64) === 0) break;
  }
  const half = Math.floor(value / 2);
  return value % 2 === 1 ? -half : half;
}

function signed(byte: number): number {
  return byte < 128 ? byte : byte - 256;
}
