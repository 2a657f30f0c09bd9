/**
 * One request of one exporter, encoded: what is queued, kept on disk through an outage or a restart, and sent. Holds no secret:
 * keys are put in when it is sent.
 */
export interface Upload {
  /** Made once, kept through every retry: a receiver that knows ids can tell a duplicate. A UUID. */
  readonly id: string;
  /** Wall clock of its window, nanoseconds since the epoch. */
  readonly startNs: bigint;
  readonly endNs: bigint;
  /** Profiles in it, for the account. */
  readonly profiles: number;
  /** Below the destination's own address; with its query. */
  readonly path: string;
  /** Without secrets, without what the transport adds. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}
