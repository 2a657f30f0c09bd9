/** The u64 of two u32 words. */
export function u64Of(low: number, high: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}
