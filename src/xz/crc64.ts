/** ECMA-182's polynomial, reflected, in two halves. */
const POLYNOMIAL_HIGH = 0xc96c5795;
const POLYNOMIAL_LOW = 0xd7870f42;

let tables: readonly [Uint32Array, Uint32Array] | undefined;

/** CRC-64/XZ of bytes, as the eight that an .xz file has, so that nothing has to be a BigInt. */
export function crc64(bytes: Uint8Array): Uint8Array {
  const [highs, lows] = (tables ??= makeTables());
  let high = 0xffff_ffff | 0;
  let low = 0xffff_ffff | 0;
  for (const byte of bytes) {
    const row = (low ^ byte) & 0xff;
    low = ((low >>> 8) | (high << 24)) ^ lows[row];
    high = (high >>> 8) ^ highs[row];
  }
  const result = new Uint8Array(8);
  const view = new DataView(result.buffer);
  view.setInt32(0, ~low, true);
  view.setInt32(4, ~high, true);
  return result;
}

function makeTables(): readonly [Uint32Array, Uint32Array] {
  const highs = new Uint32Array(256);
  const lows = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let high = 0;
    let low = byte;
    for (let bit = 0; bit < 8; bit++) {
      const isOdd = (low & 1) !== 0;
      low = (low >>> 1) | (high << 31);
      high >>>= 1;
      if (isOdd) {
        low ^= POLYNOMIAL_LOW;
        high ^= POLYNOMIAL_HIGH;
      }
    }
    highs[byte] = high;
    lows[byte] = low;
  }
  return [highs, lows];
}
