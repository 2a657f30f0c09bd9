import type { Profile } from "./profile.js";

/** A profile and whose it is: what exporters get. One for each (service, container), or one for the host. */
export interface LabelledProfile {
  readonly service: string;
  /** "" when nobody said. */
  readonly env: string;
  readonly version: string;
  /** Everything else in a stable order: node, namespace, pod, container, workload…, then the operator's tags. */
  readonly labels: ReadonlyMap<string, string>;
  readonly profile: Profile;
}

/** One window's profiles. Times are of the window, also where a profile's first sample came later. */
export interface ProfileBatch {
  /** Wall clock, nanoseconds since the epoch. */
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly profiles: readonly LabelledProfile[];
}
