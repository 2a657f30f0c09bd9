import { setTimeout } from "node:timers/promises";

/** Waits until something is so; rejects, with what was waited for, when it never is. */
export async function until(condition: () => boolean, timeoutMs = 20_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`was not so within ${timeoutMs} ms: ${String(condition)}`);
    await setTimeout(10);
  }
}
