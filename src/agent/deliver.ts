import type { DeliveringExporter } from "../delivery/deliver-to.js";
import type { Exporter } from "../exporters/exporter.js";
import type { Log } from "../model/log.js";
import type { ProfileBatch } from "../model/labelled-profile.js";
import { ExporterSlot, type WantedExporter } from "./exporter-slot.js";

/** What became of profiles at one exporter since the start. */
export interface DeliveryCounts {
  exported: number;
  /** Handed to delivery, which keeps the account of what becomes of them. */
  queued: number;
  bytes: number;
  /** By reason. */
  readonly failed: Map<string, number>;
  /** Of the last batch: why some of it did not arrive; before the first, why it would not. Undefined when all is well. */
  lastFailure: string | undefined;
}

/** Hands each batch to every exporter that is wanted, all at once, and keeps the account. */
export class Delivery {
  readonly #slots = new Map<string, ExporterSlot>();
  readonly #counts = new Map<string, DeliveryCounts>();
  #isClosed = false;

  constructor(
    wanted: readonly WantedExporter[],
    private readonly log: Log,
  ) {
    this.setExporters(wanted);
  }

  /** By the names of all exporters that are wanted, and of those that still close. */
  get counts(): ReadonlyMap<string, DeliveryCounts> {
    return this.#counts;
  }

  /** Those that keep an account of their own of what waits and what was sent. */
  get intakes(): readonly DeliveringExporter[] {
    return Array.from(this.#slots.values(), ({ present }) => present).filter(isDelivering);
  }

  /**
   * From the next batch on, these. One that did not change goes on untouched; one that is not wanted any more ends in its own
   * time, which is bounded, and leaves what it could not send in its spool.
   */
  setExporters(wanted: readonly WantedExporter[]): void {
    if (this.#isClosed) return;
    const names = new Set(wanted.map(({ name }) => name));
    for (const [name, slot] of this.#slots) {
      if (!names.has(name)) void this.#remove(name, slot); // never rejects
    }
    for (const each of wanted) {
      const slot = this.#slots.get(each.name);
      if (slot === undefined) this.#add(each);
      else void slot.change(each); // never rejects
    }
  }

  async deliver(batch: ProfileBatch, signal: AbortSignal): Promise<void> {
    const wanted = [...this.#slots].filter(([, slot]) => slot.isWanted);
    await Promise.all(wanted.map(([name, slot]) => this.#one(name, slot, batch, signal)));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(Array.from(this.#slots.values(), (slot) => slot.close()));
  }

  #add(wanted: WantedExporter): void {
    this.#counts.set(wanted.name, {
      exported: 0,
      queued: 0,
      bytes: 0,
      failed: new Map<string, number>(),
      lastFailure: undefined,
    });
    const slot = new ExporterSlot(wanted, {
      opened: (exporter) => {
        void this.#prepare(exporter); // never rejects
      },
      closed: (exporter, error) => {
        const account = isDelivering(exporter) ? accountOf(exporter) : {};
        this.log.info("exporter_closed", { exporter: exporter.name, ...account, error });
      },
      notOpened: (error) => {
        this.log.error("exporter_not_opened", { exporter: wanted.name, error });
      },
    });
    this.#slots.set(wanted.name, slot);
  }

  /** Tells where nothing could be taken now: an idle machine may have no profile for an hour. */
  async #prepare(exporter: Exporter): Promise<void> {
    const { name, place } = exporter;
    const reason = await exporter.open?.();
    const counts = this.#counts.get(name);
    // A batch may have come through, or failed, in the meantime: it knows better.
    if (reason === undefined || counts === undefined || counts.exported > 0) return;
    counts.lastFailure ??= reason;
    this.log.warn("exporter_unusable", { exporter: name, place, reason });
  }

  async #remove(name: string, slot: ExporterSlot): Promise<void> {
    await slot.change(undefined);
    // It may have come back meanwhile, or the agent ends, which waits for all that are here.
    if (slot.isWanted || this.#isClosed || this.#slots.get(name) !== slot) return;
    this.#slots.delete(name);
    this.#counts.delete(name);
  }

  async #one(name: string, slot: ExporterSlot, batch: ProfileBatch, signal: AbortSignal): Promise<void> {
    const { exported, bytes, queued = 0, failed } = await slot.export(batch, signal);
    const counts = this.#counts.get(name);
    // A window without a profile says nothing of the place where they go.
    if (counts === undefined || batch.profiles.length === 0) return;
    counts.exported += exported;
    counts.queued += queued;
    counts.bytes += bytes;
    const reasons = Object.entries(failed);
    for (const [reason, count] of reasons) {
      counts.failed.set(reason, (counts.failed.get(reason) ?? 0) + count);
      this.log.repeated("warn", "export_failed", reason, { exporter: name, profiles: count });
    }
    if (reasons.length === 0 && counts.lastFailure !== undefined) {
      this.log.info("export_recovered", { exporter: name, after: counts.lastFailure });
    }
    counts.lastFailure = reasons.length === 0 ? undefined : reasons.map(([reason]) => reason).join(", ");
  }
}

function isDelivering(exporter: Exporter | undefined): exporter is DeliveringExporter {
  return exporter !== undefined && "status" in exporter;
}

/** The last that is heard of an exporter that had to go. */
function accountOf({ status }: DeliveringExporter): Readonly<Record<string, number>> {
  const { accepted, memory, spool, dropped } = status;
  const gone = Array.from(dropped.values(), ({ uploads }) => uploads).reduce((sum, uploads) => sum + uploads, 0);
  return { accepted: accepted.uploads, waiting: memory.uploads + spool.uploads, dropped: gone };
}
