/**
 * How often the node is sampled, of all who have a say in it: the operator's rate, the schedule, the budget and whoever
 * asks for a profile right now. Each says its own; the rate that follows from it is set in the kernel at once.
 *
 * A window has one rate from its beginning to its end: it is ended before the rate changes.
 */
export interface SamplingRate {
  /** Ticks a second on each CPU that are taken now; 0 while nobody wants any. */
  readonly frequencyHz: number;
  /** The schedule has samples taken now. Windows outside it exist only for those who demand, and are not exported. */
  readonly open: boolean;
  /** The operator's rate, 1 to 999. */
  setWanted(frequencyHz: number): void;
  /** At most so many ticks a second, whatever is wanted; Infinity for no bound, 0 for none at all. The budget's. */
  setCeiling(frequencyHz: number): void;
  /** The schedule's. */
  setOpen(open: boolean): void;
  /** Somebody wants samples now, even where the schedule has none, until the function given back is called (once). */
  demand(): () => void;
}
