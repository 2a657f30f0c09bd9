/** What a spooled file's name says of its upload, so that a folder of a hundred thousand is taken up without opening one. */
export interface SpoolName {
  /**
   * Orders uploads as they were queued: milliseconds since the epoch, or one more than the last where the clock says no more than that.
   * Names sort by it, and so by time, but for a clock that was set back, where the order is still that of the windows.
   */
  readonly sequence: number;
  /** Random for each run of an agent: two that share a folder never write the same name. u32. */
  readonly run: number;
  readonly profiles: number;
}

/** Fifteen digits end in the year 33658; with a 9 in front they would leave no room to count on. */
const WHOLE = /^([0-8]\d{14})-([\da-f]{8})-(\d{1,6})\.upload$/;
const PARTIAL = /^[0-8]\d{14}-[\da-f]{8}-\d{1,6}\.upload\.partial$/;
const MAX_PROFILES = 999_999;

export function spoolNameOf({ sequence, run, profiles }: SpoolName): string {
  const number = String(sequence).padStart(15, "0");
  return `${number}-${run.toString(16).padStart(8, "0")}-${Math.min(profiles, MAX_PROFILES)}.upload`;
}

/** Under it a file is written until it is whole. */
export function partialNameOf(name: string): string {
  return `${name}.partial`;
}

export function isPartialName(name: string): boolean {
  return PARTIAL.test(name);
}

/** Undefined when the file is none of ours. */
export function parseSpoolName(name: string): SpoolName | undefined {
  const match = WHOLE.exec(name);
  return match === null
    ? undefined
    : { sequence: Number(match[1]), run: Number.parseInt(match[2], 16), profiles: Number(match[3]) };
}
