import type { Exporter } from "../exporters/exporter.js";
import type { Log } from "../model/log.js";
import type { ProfileBatch } from "../model/labelled-profile.js";

/** What became of profiles at one exporter since the start. */
export interface DeliveryCounts {
  exported: number;
  bytes: number;
  /** By reason. */
  readonly failed: Map<string, number>;
  /** Of the last batch: why some of it did not arrive; before the first, why it would not. Undefined when all is well. */
  lastFailure: string | undefined;
}

/** Hands each batch to every exporter, all at once, and keeps the account. */
export class Delivery {
  readonly counts: ReadonlyMap<string, DeliveryCounts>;

  constructor(
    private readonly exporters: readonly Exporter[],
    private readonly log: Log,
  ) {
    this.counts = new Map(
      exporters.map(({ name }) => [
        name,
        { exported: 0, bytes: 0, failed: new Map<string, number>(), lastFailure: undefined },
      ]),
    );
  }

  /** Gets every exporter ready, and tells who is not: an idle machine may have no profile for an hour. Never rejects. */
  async open(): Promise<void> {
    await Promise.all(this.exporters.map((exporter) => this.openOne(exporter)));
  }

  async deliver(batch: ProfileBatch, signal: AbortSignal): Promise<void> {
    await Promise.all(this.exporters.map((exporter) => this.one(exporter, batch, signal)));
  }

  async close(): Promise<void> {
    await Promise.all(this.exporters.map((exporter) => exporter.close()));
  }

  private async openOne(exporter: Exporter): Promise<void> {
    const { name, place } = exporter;
    const reason = await exporter.open?.();
    const counts = this.counts.get(name);
    // A batch may have come through, or failed, in the meantime: it knows better.
    if (reason === undefined || counts === undefined || counts.exported > 0) return;
    counts.lastFailure ??= reason;
    this.log.warn("exporter_unusable", { exporter: name, place, reason });
  }

  private async one(exporter: Exporter, batch: ProfileBatch, signal: AbortSignal): Promise<void> {
    const { name } = exporter;
    const counts = this.counts.get(name);
    if (counts === undefined) return;
    const { exported, bytes, failed } = await exporter.export(batch, signal);
    // A window without a profile says nothing of the place where they go.
    if (batch.profiles.length === 0) return;
    counts.exported += exported;
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
