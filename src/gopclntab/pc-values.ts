import type { Area } from "./area.js";

/** A value that holds from where the one before ends up to `limit`, an offset from the function's start. */
export interface PcValue {
  readonly value: number;
  readonly limit: number;
}

/** Of one function; a line table of ten thousand lines takes some 30 KiB. */
const MAX_BYTES = 1024 * 1024;
const FIRST_BYTES = 128;
const MAX_VARINT_BYTES = 5;

/**
 * The values of one function's instructions (cmd/internal/obj/pcln.go, funcpctab): pairs of varints, how much the value
 * changes and for how many quanta it holds, until a change of 0; it begins at -1. What makes no sense ends it.
 *
 * @param offset of the table in `area`
 * @param size bytes of code of the function, beyond which nothing is told
 */
export function* pcValues(area: Area, offset: number, quantum: number, size: number): Generator<PcValue> {
  // A copy: who is handed a value may read the area before asking for the next.
  let bytes = area.upTo(offset, FIRST_BYTES).slice();
  let at = 0;
  let value = -1;
  let limit = 0;
  const varint = (): number | undefined => {
    if (at + MAX_VARINT_BYTES > bytes.length && bytes.length < MAX_BYTES) {
      bytes = area.upTo(offset, bytes.length * 4).slice();
    }
    let result = 0;
    for (let scale = 1, count = 0; count < MAX_VARINT_BYTES && at < bytes.length; scale *= 128, count++) {
      const byte = bytes[at++];
      result += (byte & 0x7f) * scale;
      if (byte < 0x80) return result;
    }
    return undefined;
  };
  for (let first = true; limit < size; first = false) {
    const change = varint();
    if (change === undefined || (change === 0 && !first)) return;
    const quanta = varint();
    if (quanta === undefined || quanta === 0) return;
    value += change % 2 === 0 ? change / 2 : -(change + 1) / 2;
    limit += quanta * quantum;
    yield { value, limit: Math.min(limit, size) };
  }
}

/** The value at an offset from the function's start; undefined where none holds. */
export function pcValueAt(values: Iterable<PcValue>, offset: number): number | undefined {
  for (const { value, limit } of values) {
    if (offset < limit) return value;
  }
  return undefined;
}
