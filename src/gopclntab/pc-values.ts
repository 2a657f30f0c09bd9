import type { Area } from "./area.js";

/** A value that holds from where the one before ends up to `limit`, an offset from the function's start. */
export interface PcValue {
  readonly value: number;
  readonly limit: number;
}

/** Of one function; a line table of ten thousand lines takes some 30 KiB. */
const MAX_BYTES = 256 * 1024;
const FIRST_BYTES = 512;
/** Five bytes: 32 bits. */
const MAX_VARINT_SCALE = 2 ** 28;

/**
 * The values of one function's instructions (cmd/internal/obj/pcln.go, funcpctab): pairs of varints, how much the value
 * changes and for how many quanta it holds, until a change of 0; it begins at -1. What makes no sense ends it.
 *
 * @param offset of the table in `area`
 * @param size bytes of code of the function, beyond which nothing is told
 */
export function pcValues(area: Area, offset: number, quantum: number, size: number): readonly PcValue[] {
  for (let length = FIRST_BYTES; length <= MAX_BYTES; length *= 8) {
    const bytes = area.upTo(offset, length);
    const values = decode(bytes, quantum, size);
    if (values !== undefined) return values;
    if (bytes.length < length) break;
  }
  return [];
}

/** Undefined where the bytes end first. */
function decode(bytes: Uint8Array, quantum: number, size: number): readonly PcValue[] | undefined {
  const values: PcValue[] = [];
  let at = 0;
  let value = -1;
  let limit = 0;
  /** The next varint; NaN where the bytes end, or it does not. */
  const varint = (): number => {
    let result = 0;
    for (let scale = 1; scale <= MAX_VARINT_SCALE; scale *= 128) {
      if (at === bytes.length) return NaN;
      const byte = bytes[at++];
      result += (byte & 0x7f) * scale;
      if (byte < 0x80) return result;
    }
    return NaN;
  };
  while (limit < size) {
    const change = varint();
    if (change === 0 && limit > 0) break;
    const quanta = varint();
    if (Number.isNaN(change + quanta)) return at === bytes.length ? undefined : values;
    if (quanta === 0) break;
    value += change % 2 === 0 ? change / 2 : -(change + 1) / 2;
    limit += quanta * quantum;
    values.push({ value, limit: Math.min(limit, size) });
  }
  return values;
}

/**
 * The value at an offset from the function's start, and from where to where it holds. It is undefined behind the last of them:
 * there is what aligns the next function.
 */
export function pcValueAt(
  values: readonly PcValue[],
  offset: number,
): { readonly value: number | undefined; readonly from: number; readonly limit: number } {
  let from = 0;
  for (const { value, limit } of values) {
    if (offset < limit) return { value, from, limit };
    from = limit;
  }
  return { value: undefined, from, limit: Infinity };
}
