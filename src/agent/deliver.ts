import type { Exporter } from "../exporters/exporter.js";
import type { Log } from "../model/log.js";
import type { ProfileBatch } from "../model/labelled-profile.js";

/** What became of profiles at one exporter since the start. */
export interface DeliveryCounts {
  exported: number;
  /** Handed to delivery, which keeps the account of what becomes of them. */
  queued: number;
  bytes: number;
  /** By reason. */
  readonly failed: Map<string, number>;
  /** Of the last batch: why some of it did not arrive; undefined when all did. */
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
        { exported: 0, queued: 0, bytes: 0, failed: new Map<string, number>(), lastFailure: undefined },
      ]),
    );
  }

  async deliver(batch: ProfileBatch, signal: AbortSignal): Promise<void> {
    await Promise.all(this.exporters.map((exporter) => this.one(exporter, batch, signal)));
  }

  async close(): Promise<void> {
    await Promise.all(this.exporters.map((exporter) => exporter.close()));
  }

  private async one(exporter: Exporter, batch: ProfileBatch, signal: AbortSignal): Promise<void> {
    const { name } = exporter;
    const counts = this.counts.get(name);
    if (counts === undefined) return;
    const { exported, bytes, queued = 0, failed } = await exporter.export(batch, signal);
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
