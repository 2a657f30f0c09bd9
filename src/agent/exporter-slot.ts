import type { Exporter, ExportResult } from "../exporters/exporter.js";
import type { ProfileBatch } from "../model/labelled-profile.js";

/** An exporter that is wanted. */
export interface WantedExporter {
  /** Of all that are wanted, only this one's. */
  readonly name: string;
  /** All that it is made of: while this is the same, the exporter goes on untouched. May hold secrets. */
  readonly key: string;
  /** Never throws: what could be wrong was found out before. Takes up what an earlier one of its name left. */
  readonly open: () => Exporter;
}

/** Why a batch got nowhere here: it came after the end. */
const STOPPED = "stopped";

/**
 * The place of one exporter, by its name, whatever becomes of it: batches, changes and the end have their turn one after
 * another. So a batch that is being exported is exported whole by the exporter that it began with, and one that comes during a
 * change waits for the next exporter, which opens when the one before it has closed: they have one spool.
 */
export class ExporterSlot {
  readonly #onClosed: (exporter: Exporter, error: unknown) => void;
  #wanted: WantedExporter | undefined;
  #present: Exporter | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #isEnding = false;

  /** `onClosed` is told of each exporter that had to go, and what went wrong with that; not of the last one at the end. */
  constructor(wanted: WantedExporter, onClosed: (exporter: Exporter, error: unknown) => void) {
    this.#wanted = wanted;
    this.#onClosed = onClosed;
    this.#present = wanted.open();
  }

  /** Whether batches are for it. */
  get isWanted(): boolean {
    return this.#wanted !== undefined;
  }

  /** Undefined while one closes and before the next one opens. */
  get present(): Exporter | undefined {
    return this.#present;
  }

  /**
   * Another exporter of the same name from the next batch on, or none; nothing happens where it is the same. Resolves when it is
   * so; never rejects.
   */
  async change(wanted: WantedExporter | undefined): Promise<void> {
    if (this.#isEnding || wanted?.key === this.#wanted?.key) {
      await this.#turn;
      return;
    }
    this.#wanted = wanted;
    await this.#inTurn(async () => {
      const before = this.#present;
      this.#present = undefined;
      if (before !== undefined) {
        const error = await before.close().catch((reason: unknown) => reason);
        this.#onClosed(before, error);
      }
      // By now it may be yet another one that is wanted, whose own turn comes.
      if (!this.#isEnding && this.#wanted === wanted) this.#present = wanted?.open();
    });
  }

  /** As {@link Exporter.export}. */
  export(batch: ProfileBatch, signal: AbortSignal): Promise<ExportResult> {
    return this.#inTurn(async () => {
      if (this.#present !== undefined) return this.#present.export(batch, signal);
      return { exported: 0, bytes: 0, failed: batch.profiles.length === 0 ? {} : { [STOPPED]: batch.profiles.length } };
    });
  }

  /** Nothing is opened any more. */
  async close(): Promise<void> {
    this.#isEnding = true;
    await this.#inTurn(async () => {
      await this.#present?.close();
    });
  }

  async #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(task);
    this.#turn = mine.catch(() => undefined); // whoever asked for it hears of it
    return mine;
  }
}
