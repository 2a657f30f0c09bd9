const MICROSECONDS = 1e6;

/** What the kernel side takes, in the middle of whatever is sampled. */
export interface BpfUse {
  /** Ticks that hit a task, since the start; those that hit the idle task take next to nothing. */
  readonly taskTicks: () => number;
  /** Of one such tick; undefined while it is not known. */
  readonly taskSeconds: () => number | undefined;
}

/** Until it was measured, and where the right to measure it is missing. Measured: 8.7 µs a sample under full load. */
const ASSUMED_SECONDS = 9e-6;

/** CPU time that the agent has taken since some moment: of all its threads, and of BPF for it. */
export class CpuMeter {
  private bpfSeconds = 0;
  private ticksBefore: number;

  constructor(private readonly bpf: BpfUse) {
    this.ticksBefore = bpf.taskTicks();
  }

  /** Seconds; only grows. */
  read(): number {
    const ticks = this.bpf.taskTicks();
    this.bpfSeconds += (ticks - this.ticksBefore) * (this.bpf.taskSeconds() ?? ASSUMED_SECONDS);
    this.ticksBefore = ticks;
    const { user, system } = process.cpuUsage();
    return (user + system) / MICROSECONDS + this.bpfSeconds;
  }
}
