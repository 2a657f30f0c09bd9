/** Time, so that tests can make it pass and jump. */
export interface Clock {
  /** Milliseconds since the epoch; may jump either way. */
  wallMs(): number;
  /** Milliseconds since some moment; never goes back. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
