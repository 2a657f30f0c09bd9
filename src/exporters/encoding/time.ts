/** Nanoseconds since the epoch as RFC 3339 in UTC, to the nanosecond: "2026-01-02T03:04:05.000000000Z". */
export function isoTime(ns: bigint): string {
  const seconds = new Date(Number(ns / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${String(ns % 1_000_000_000n).padStart(9, "0")}Z`;
}
