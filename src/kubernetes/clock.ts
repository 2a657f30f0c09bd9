import { setTimeout as delay } from "node:timers/promises";

/** Time as the watch sees it; tests bring their own. */
export interface Clock {
  /** Milliseconds since the epoch: for what is shown, and for comparing with times that the API tells. */
  wallMs(): number;
  /** Milliseconds that only go forward: for ages. */
  monotonicMs(): number;
  /** Resolves after so long, or at once when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) => delay(ms, undefined, { signal }).catch(onlyAborted(signal)),
};

function onlyAborted(signal: AbortSignal): (error: unknown) => void {
  return (error) => {
    if (!signal.aborted) throw error;
  };
}
