import { setTimeout as delay } from "node:timers/promises";

const LOOK_MS = 5;

/** Resolves as soon as the condition holds; rejects, with what was waited for, when it has not after so long. */
export async function until(condition: () => boolean | Promise<boolean>, limitMs = 20_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`after ${limitMs} ms still not: ${condition.toString()}`);
    await delay(LOOK_MS);
  }
}
