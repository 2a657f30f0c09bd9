import type { Pod } from "../model/pod.js";

export type PodSourceHealth =
  /** The first list has not come yet. */
  | { readonly state: "starting" }
  | { readonly state: "synced"; readonly pods: number }
  /**
   * What is the matter and what to do, one sentence; since when, milliseconds since the epoch. What was known is still
   * known.
   */
  | { readonly state: "away"; readonly detail: string; readonly sinceMs: number };

/** The pods of this node: by uid, and by the ids of their containers. */
export interface PodSource {
  readonly health: PodSourceHealth;
  /** By API uid; of a static pod also by the configuration hash that its cgroup carries. Deleted pods stay for a while. */
  byUid(uid: string): Pod | undefined;
  byContainerId(id: string): Pod | undefined;
  /** Called at each pod added or changed, and with all of them after a list. */
  onChange(listener: (pod: Pod) => void): void;
  close(): Promise<void>;
}
