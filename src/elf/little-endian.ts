/**
 * Little-endian integers at an index that the caller has checked; faster than Buffer's methods, which check it again.
 * 64-bit values are plain numbers: exact to 2^53, rounded above, which no bound that they are checked against reaches.
 */

export function u16(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8);
}

export function u32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}

export function s32(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}

export function u64(bytes: Uint8Array, at: number): number {
  return u32(bytes, at + 4) * 0x1_0000_0000 + u32(bytes, at);
}

/** Two's complement: small negative numbers are exact. */
export function s64(bytes: Uint8Array, at: number): number {
  return s32(bytes, at + 4) * 0x1_0000_0000 + u32(bytes, at);
}
