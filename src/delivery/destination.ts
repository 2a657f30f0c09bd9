import type { ProfileBatch } from "../model/labelled-profile.js";
import type { Upload } from "../model/upload.js";

/** What became of one try to send an upload. */
export type SendResult =
  | { readonly kind: "accepted" }
  /** Later may help: network, 408, 429, 5xx. `afterMs` is the receiver's own wish (Retry-After). */
  | { readonly kind: "retry"; readonly reason: string; readonly detail: string; readonly afterMs?: number }
  /** Never will it be taken: counted under the reason, not tried again. */
  | { readonly kind: "refused"; readonly reason: string; readonly detail: string };

/**
 * An intake, as delivery sees it: encodes a window's profiles as requests of its own format, and sends one. Sample-type names, tags,
 * headers, splitting by size and by service are its business; queues, retries, deadlines and the spool are delivery's.
 */
export interface Destination {
  readonly name: string;
  /** Where it sends to, without secrets, for people. */
  readonly address: string;
  /** Uploads of a window, in a stable order; yields as they are made, so that no more than one is held. */
  encode(batch: ProfileBatch): AsyncIterable<Upload>;
  /** One try. Never rejects but when the signal aborts it. */
  send(upload: Upload, signal: AbortSignal): Promise<SendResult>;
  close(): Promise<void>;
}
