import type { Exporter, ExportResult } from "../exporters/exporter.js";
import type { ProfileBatch } from "../model/labelled-profile.js";
import type { Log } from "../model/log.js";
import { systemClock, type SleepingClock } from "../util/clock.js";
import { Backlog, type BacklogOptions, type Waiting } from "./backlog.js";
import type { Destination } from "./destination.js";
import { Sender, type LastFailure, type SenderOptions } from "./sender.js";
import type { Amount } from "./tally.js";

export interface DeliveryOptions extends BacklogOptions, SenderOptions {
  /** At the end: how long what waits may still be sent. By then it is on the disk, where there is a spool. */
  readonly stopMs: number;
}

/** What is told, and what tests replace. */
export interface DeliveryModules {
  readonly log: Log;
  readonly clock?: SleepingClock;
  /** Uniform in [0, 1). */
  readonly random?: () => number;
}

/** How it stands with one destination, for metrics and readiness. Amounts are since the start of the agent. */
export interface DeliveryStatus {
  readonly name: string;
  readonly address: string;
  /** Handed over by windows, whatever became of it since. */
  readonly queued: Readonly<Amount>;
  readonly accepted: Readonly<Amount>;
  /** By the receiver's reason, for good. */
  readonly refused: ReadonlyMap<string, Readonly<Amount>>;
  /** Given up here: too-old, spool-full, queue-full, disk-full, corrupt… Bytes of what was on the disk are those of its file. */
  readonly dropped: ReadonlyMap<string, Readonly<Amount>>;
  /** Tries that failed and are made again. */
  readonly retries: ReadonlyMap<string, Readonly<Amount>>;
  readonly memory: Waiting;
  readonly spool: Waiting;
  /** Room for what waits, bytes; no spool has none. */
  readonly limits: { readonly memoryBytes: number; readonly spoolBytes: number };
  /** Files: written, found at the start whole, and half written. */
  readonly spoolCounts: { readonly written: number; readonly recovered: number; readonly partials: number };
  /** How long no try has been answered for good; undefined when the last one was. */
  readonly awayMs: number | undefined;
  readonly isSending: boolean;
  /** In a word; undefined while the spool can be used, or none is wanted. */
  readonly spoolProblem: string | undefined;
  readonly lastFailure: LastFailure | undefined;
  readonly lastRefusal: LastFailure | undefined;
}

/** An exporter that hands each batch over at once, and sends it when the intake will have it. */
export interface DeliveringExporter extends Exporter {
  readonly status: DeliveryStatus;
  /** A sentence for people while something is the matter; "" while all is well. */
  readonly problem: string;
  /** While set, uploads are written to the spool at once, in place of waiting in memory; what waits there goes too. */
  spare: boolean;
}

/** Of one destination: at 100 uploads of 30 KiB a minute the spool holds an hour and a half. */
export const DELIVERY_DEFAULTS = {
  spoolBytes: 256 << 20,
  memoryBytes: 4 << 20,
  memoryMs: 2000,
  maxAgeMs: 24 * 3_600_000,
  tryMs: 10_000,
  stopMs: 3000,
} as const satisfies Omit<DeliveryOptions, "spoolDirectory">;

/** For whoever does not heed that time is up. */
const GRACE_MS = 250;

/** An {@link Exporter} out of a destination. Sends from now on, first what an earlier agent left in the spool. */
export function deliverTo(
  destination: Destination,
  options: DeliveryOptions,
  modules: DeliveryModules,
): DeliveringExporter {
  const { log, clock = systemClock, random = Math.random } = modules;
  const { name, address } = destination;
  const backlog = new Backlog(options, clock, random);
  const sender = new Sender(options, { destination, backlog, clock, random, log });
  const { memoryBytes, spoolBytes, spoolDirectory } = options;
  const limits = { memoryBytes, spoolBytes: spoolDirectory === undefined ? 0 : spoolBytes };
  const queued = { uploads: 0, profiles: 0, bytes: 0 };
  let closing: Promise<void> | undefined;
  let spare = false;
  const sending = sender.run().catch((error: unknown) => {
    log.error("delivery_failed", { destination: name, error });
  });

  async function exportBatch(batch: ProfileBatch, signal: AbortSignal): Promise<ExportResult> {
    const failed: Record<string, number> = {};
    let taken = 0;
    let judged = 0;
    let reason = "not-encoded";
    try {
      for await (const upload of destination.encode(batch)) {
        if (closing !== undefined) reason = "stopped";
        signal.throwIfAborted();
        if (closing !== undefined) break;
        const { profiles, body } = upload;
        judged += profiles;
        const unfit = await untilAborted(backlog.add(upload, spare || sender.awaySinceMs !== undefined), signal);
        sender.wake();
        if (unfit === undefined) {
          taken += profiles;
          queued.uploads++;
          queued.profiles += profiles;
          queued.bytes += body.byteLength;
        } else {
          failed[unfit] = (failed[unfit] ?? 0) + profiles;
        }
      }
    } catch (error) {
      reason = signal.aborted ? "aborted" : "encoding-failed";
      log.repeated("error", "export_incomplete", reason, { destination: name, error: String(error) });
    }
    const rest = batch.profiles.length - judged;
    if (rest > 0) failed[reason] = (failed[reason] ?? 0) + rest;
    return { exported: 0, bytes: 0, queued: taken, failed };
  }

  async function end(): Promise<void> {
    const over = new AbortController();
    const stopped = clock.sleep(options.stopMs, over.signal).then(() => {
      sender.stop();
    });
    // First the disk: whoever kills us for being slow finds nothing to lose.
    const finished = backlog.spill().then(() => {
      sender.finish();
      return sending;
    });
    await Promise.race([finished, stopped]);
    sender.stop();
    await Promise.race([finished, clock.sleep(GRACE_MS, over.signal)]);
    over.abort();
    backlog.abandon();
    await destination.close();
  }

  const status = (): DeliveryStatus => ({
    ...{ name, address, queued, limits },
    accepted: sender.accepted,
    refused: sender.refused.byReason,
    dropped: backlog.dropped.byReason,
    retries: sender.retries.byReason,
    memory: backlog.inMemory,
    spool: backlog.inSpool,
    spoolCounts: backlog.spoolCounts,
    awayMs: sender.awaySinceMs === undefined ? undefined : clock.monotonicMs() - sender.awaySinceMs,
    isSending: sender.isSending,
    spoolProblem: backlog.spoolProblem,
    lastFailure: sender.lastFailure,
    lastRefusal: sender.lastRefusal,
  });

  return {
    name,
    export: exportBatch,
    close: () => (closing ??= end()),
    get status() {
      return status();
    },
    get problem() {
      return problemOf(status(), options);
    },
    get spare() {
      return spare;
    },
    set spare(wanted) {
      spare = wanted;
      if (wanted) void backlog.spill();
    },
  };
}

function problemOf(status: DeliveryStatus, { spoolDirectory }: DeliveryOptions): string {
  const { awayMs, address, lastFailure, memory, spool, spoolProblem } = status;
  const sentences: string[] = [];
  if (awayMs !== undefined && lastFailure !== undefined) {
    const { reason, detail } = lastFailure;
    const waiting = memory.uploads + spool.uploads;
    sentences.push(
      `${address} has taken nothing for ${Math.round(awayMs / 1000)} s (${reason}: ${detail}); ${waiting} uploads wait.`,
    );
  }
  if (spoolProblem !== undefined) {
    sentences.push(
      `${spoolDirectory ?? "the spool"} cannot take uploads (${spoolProblem}); they wait in memory, and the oldest are dropped when it is full.`,
    );
  }
  return sentences.join(" ");
}

/** Whether it was taken is not known any more once the signal aborts; it is in the queue by then. */
async function untilAborted(adding: Promise<string | undefined>, signal: AbortSignal): Promise<string | undefined> {
  let onAbort = (): void => undefined;
  const aborted = new Promise<undefined>((resolve) => {
    onAbort = () => {
      resolve(undefined);
    };
    signal.addEventListener("abort", onAbort);
  });
  try {
    return await Promise.race([adding, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
