/**
 * How often the node is sampled, of all who have a say in it: the operator's rate, the schedule, the budget and whoever
 * asks for a profile right now. Each says its own; the rate that follows from it is set in the kernel at once.
 *
 * A window has one rate from its beginning to its end: it is ended before the rate changes.
 */
export interface SamplingRate extends RateState {
  /** The operator's rate. */
  readonly wantedHz: number;
  /** The operator's rate, 1 to 999. */
  setWanted(frequencyHz: number): void;
  /** At most so many ticks a second, whatever is wanted; Infinity for no bound, 0 for none at all. The budget's. */
  setCeiling(frequencyHz: number): void;
  /** The schedule's. */
  setOpen(open: boolean): void;
  /** Somebody wants samples now, even where the schedule has none, until the function given back is called (once). */
  demand(): () => void;
}

/** What follows from what all of them say. */
export interface RateState {
  /** Ticks a second on each CPU that are taken now; 0 while nobody wants any. */
  readonly frequencyHz: number;
  /** The schedule has samples taken now. Windows outside it exist only for those who demand, and are not exported. */
  readonly open: boolean;
}

/** Pprof's period: of one tick, nanoseconds. As native/perf_event.cc sets it in the kernel. */
export function periodNsOf(frequencyHz: number): number {
  return Math.round(1e9 / frequencyHz);
}

/** Asks everyone, and tells of each change at once, before the call that made it returns. */
export class NodeSamplingRate implements SamplingRate {
  wantedHz: number;
  private ceilingHz = Infinity;
  private isOpen = true;
  private demands = 0;
  private state: RateState;

  /** wantedHz: the operator's rate, 1 to 999. `apply` is not called for it. */
  constructor(
    wantedHz: number,
    private readonly apply: (state: RateState) => void,
  ) {
    this.wantedHz = wantedHz;
    this.state = { frequencyHz: wantedHz, open: true };
  }

  get frequencyHz(): number {
    return this.state.frequencyHz;
  }

  get open(): boolean {
    return this.state.open;
  }

  setWanted(frequencyHz: number): void {
    this.wantedHz = frequencyHz;
    this.update();
  }

  /** Rounded down to whole ticks. */
  setCeiling(frequencyHz: number): void {
    this.ceilingHz = frequencyHz;
    this.update();
  }

  setOpen(open: boolean): void {
    this.isOpen = open;
    this.update();
  }

  demand(): () => void {
    this.demands++;
    this.update();
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.demands--;
      this.update();
    };
  }

  private update(): void {
    const wanted = this.isOpen || this.demands > 0 ? this.wantedHz : 0;
    const frequencyHz = Math.max(0, Math.floor(Math.min(wanted, this.ceilingHz)));
    const { state } = this;
    if (state.frequencyHz === frequencyHz && state.open === this.isOpen) return;
    this.state = { frequencyHz, open: this.isOpen };
    this.apply(this.state);
  }
}
