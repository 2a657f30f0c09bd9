/** The upper one of the two in the middle where there are two. */
export function medianOf(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[values.length >> 1];
}
