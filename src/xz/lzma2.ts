import { LzmaDecoder, type LzmaProperties } from "./lzma.js";
import type { StoredBytes } from "./stored-bytes.js";

/** Control bytes of chunks. */
const END = 0;
const PLAIN_AFTER_RESET = 1;
const PLAIN = 2;
const FIRST_PACKED = 0x80;
/** What packed chunks begin anew, by bits 5 and 6; each more than the one before. */
const RESETS = { state: 1, properties: 2, dictionary: 3 } as const;
const MAX_PROPERTIES = 9 * 5 * 5;
const MAX_LITERAL_BITS = 4;

/** Where LZMA2 data ends, or what is wrong with it. */
export type Lzma2Outcome = { readonly end: number } | { readonly problem: string };

/**
 * Fills out[from..to) with the chunks at `start` of what is stored, which must be exactly that much. A chunk is read at a time,
 * 64 KiB at most; what copies are made from is the output itself, so that no dictionary is held.
 */
export function decodeLzma2(
  stored: StoredBytes,
  start: number,
  out: Uint8Array,
  [from, to]: readonly [number, number],
): Lzma2Outcome {
  const lzma = new LzmaDecoder();
  let at = start;
  let written = from;
  let first = -1;
  let hasProperties = false;
  for (;;) {
    const head = stored.read(at, Math.min(6, stored.size - at));
    if (head === undefined || head.length < 1) return { problem: `cut short at ${at}` };
    const control = head[0];
    if (control === END) return written === to ? { end: at + 1 } : { problem: `ends ${to - written} bytes early` };
    const isPacked = control >= FIRST_PACKED;
    const headBytes = !isPacked ? 3 : control >> 5 >= 6 ? 6 : 5;
    if (head.length < headBytes) return { problem: `cut short at ${at}` };
    const size = ((isPacked ? control & 0x1f : 0) << 16) + head[1] * 256 + head[2] + 1;
    const storedSize = isPacked ? head[3] * 256 + head[4] + 1 : size;
    const reset = isPacked ? (control >> 5) & 3 : 0;
    const properties = headBytes === 6 ? parseProperties(head[5]) : undefined;
    if (!isPacked && control > PLAIN) return { problem: `unknown chunk at ${at}` };
    if (control === PLAIN_AFTER_RESET || reset === RESETS.dictionary) {
      first = written;
      hasProperties = false;
    }
    if (first < 0 || size > to - written) return { problem: `bad chunk at ${at}` };
    const chunk = stored.read(at + headBytes, storedSize);
    if (chunk === undefined) return { problem: `cut short at ${at}` };
    if (!isPacked) {
      out.set(chunk, written);
    } else {
      if (reset >= RESETS.properties) hasProperties = properties !== undefined;
      if (reset >= RESETS.state) lzma.reset(properties);
      if (!hasProperties || !lzma.decode(chunk, [0, storedSize], out, first, [written, written + size])) {
        return { problem: `bad chunk at ${at}` };
      }
    }
    at += headBytes + storedSize;
    written += size;
  }
}

function parseProperties(byte: number): LzmaProperties | undefined {
  if (byte >= MAX_PROPERTIES) return undefined;
  const literalContextBits = byte % 9;
  const literalPositionBits = Math.floor(byte / 9) % 5;
  if (literalContextBits + literalPositionBits > MAX_LITERAL_BITS) return undefined;
  return { literalContextBits, literalPositionBits, positionBits: Math.floor(byte / 45) };
}
