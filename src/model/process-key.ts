/** A process, told apart from others that had its number before or will have it. */
export interface ProcessKey {
  readonly pid: number;
  /** Of its thread group leader, nanoseconds of CLOCK_BOOTTIME. */
  readonly startTimeNs: bigint;
}
