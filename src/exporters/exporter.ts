import type { ProfileBatch } from "../model/labelled-profile.js";

/** What became of a batch at one exporter. Every profile is in one of the three. */
export interface ExportResult {
  readonly exported: number;
  readonly bytes: number;
  /** Profiles handed over for delivery, which keeps its own account of what becomes of them; absent where nothing queues. */
  readonly queued?: number;
  /** Profiles that were not, by reason: "disk-full", "refused". */
  readonly failed: Readonly<Record<string, number>>;
}

/** A place that profiles go to. One file each. */
export interface Exporter {
  readonly name: string;
  /** A folder that people look into; absent where there is none. */
  readonly place?: string;
  /**
   * Gets ready before the first batch, which may come meanwhile. Gives why nothing could be taken now, in a word; undefined when all is
   * well. Never rejects, and is no promise: each batch tries again.
   */
  open?(): Promise<string | undefined>;
  /** Never rejects: what went wrong is in the result. Ends early, with the rest failed as "aborted", on the signal. */
  export(batch: ProfileBatch, signal: AbortSignal): Promise<ExportResult>;
  close(): Promise<void>;
}
