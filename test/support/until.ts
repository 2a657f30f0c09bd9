import { setTimeout as delay } from "node:timers/promises";

const LOOK_MS = 5;

/**
 * Resolves as soon as the condition holds; rejects, with what was waited for, when it has not after so long. A look that is work for
 * who is sampled beside it is to be had seldom.
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  limitMs = 20_000,
  lookMs = LOOK_MS,
): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`after ${limitMs} ms still not: ${condition.toString()}`);
    await delay(lookMs);
  }
}
