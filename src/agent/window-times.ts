/** A window that would be shorter than this share of its length is joined to the next one. */
const SHORTEST_SHARE = 0.1;

/**
 * Milliseconds until the present window ends: at the next multiple of its length of the wall clock, so that the windows of
 * a thousand nodes cover the same minutes. Always between a tenth and eleven tenths of the length, whatever the clock
 * does: a jump makes one window shorter or longer, never empty, and none that does not end.
 *
 * closesInMs: when the schedule ends sampling, and with it the window. Where that is soon after the multiple, or together
 * with it, it is left to the schedule, so that a run of a minute is one window of a minute and no crumb.
 */
export function untilWindowEnd(wallMs: number, lengthMs: number, closesInMs = Infinity): number {
  const into = ((wallMs % lengthMs) + lengthMs) % lengthMs;
  const shortest = lengthMs * SHORTEST_SHARE;
  const rest = lengthMs - into;
  const left = rest < shortest ? rest + lengthMs : rest;
  // The schedule's own timer may be late, or the clock may be set meanwhile: the window ends all the same.
  return closesInMs < left + shortest ? Math.max(left, closesInMs + shortest) : left;
}
