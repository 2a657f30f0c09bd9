import type { FailureReason } from "./api-problem.js";

/** What was left away of a pod: a label that is not there decides a selector. */
export type CutReason = "labels" | "annotations" | "containers" | "text";

/** Why something that the API server sent was not taken, or was let go before its time. */
export type DropReason =
  /** No JSON, or no pod. The watch ends and the pods are listed anew. */
  | "malformed"
  /** More than 4 MiB. The pods are listed anew when the watch ends, or a deletion may have been missed. */
  | "oversized"
  /** A watch that ended within an event: sent again by the next. */
  | "truncated"
  /** Of another node than was asked for. */
  | "other-node"
  /** Live pods above the limit; the one that went has the least to tell. */
  | "too-many-pods"
  /** Ended pods above the limit; the least recently used goes. */
  | "too-many-ended"
  /** A container id, or a configuration hash, that another live pod has already. */
  | "claimed";

const FAILURES = [
  "unauthorized",
  "forbidden",
  "gone",
  "throttled",
  "refused",
  "network",
  "timeout",
  "malformed",
  "credentials",
] as const satisfies readonly FailureReason[];
const DROPS = [
  "malformed",
  "oversized",
  "truncated",
  "other-node",
  "too-many-pods",
  "too-many-ended",
  "claimed",
] as const satisfies readonly DropReason[];
const CUTS = ["labels", "annotations", "containers", "text"] as const satisfies readonly CutReason[];

/** Since the start; every reason is there from the beginning, with 0. */
export interface PodCounts {
  /** Whole lists taken. */
  lists: number;
  /** Watches begun. */
  watches: number;
  /** Events taken, bookmarks among them. */
  events: number;
  readonly failures: Record<FailureReason, number>;
  readonly dropped: Record<DropReason, number>;
  readonly cut: Record<CutReason, number>;
}

export function noPodCounts(): PodCounts {
  return { lists: 0, watches: 0, events: 0, failures: zeros(FAILURES), dropped: zeros(DROPS), cut: zeros(CUTS) };
}

function zeros<Reason extends string>(reasons: readonly Reason[]): Record<Reason, number> {
  return Object.fromEntries(reasons.map((reason) => [reason, 0])) as Record<Reason, number>;
}
