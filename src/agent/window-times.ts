/** A window that would be shorter than this share of its length is joined to the next one. */
const SHORTEST_SHARE = 0.1;

/**
 * Milliseconds until the present window ends: at the next multiple of its length of the wall clock, so that the windows of
 * a thousand nodes cover the same minutes. Always between a tenth and eleven tenths of the length, whatever the clock
 * does: a jump makes one window shorter or longer, never empty, and none that does not end.
 */
export function untilWindowEnd(wallMs: number, lengthMs: number): number {
  const into = ((wallMs % lengthMs) + lengthMs) % lengthMs;
  const rest = lengthMs - into;
  return rest < lengthMs * SHORTEST_SHARE ? rest + lengthMs : rest;
}
