import type { Exporter, ExportResult } from "../exporters/exporter.js";
import type { ProfileBatch } from "../model/labelled-profile.js";

/** An exporter that is wanted. */
export interface WantedExporter {
  /** Of all that are wanted, only this one's. */
  readonly name: string;
  /** All that it is made of: while this is the same, the exporter goes on untouched. May hold secrets. */
  readonly key: string;
  /** Takes up what an earlier one of its name left. Throws where it cannot be opened, though all that it was told was right. */
  readonly open: () => Exporter;
}

/** Whom a slot tells of its exporters. */
export interface SlotListener {
  /** One is there from now on. */
  readonly opened: (exporter: Exporter) => void;
  /** One had to go, and this went wrong with it, or nothing. Not told of the last one, at the end. */
  readonly closed: (exporter: Exporter, error: unknown) => void;
  /** There is none until the next change. */
  readonly notOpened: (error: unknown) => void;
}

/** Why a batch got nowhere here: it came after the end, or nothing could be opened. */
const STOPPED = "stopped";
const NOT_OPENED = "not-opened";

/**
 * The place of one exporter, by its name, whatever becomes of it: batches, changes and the end have their turn one after
 * another. So a batch that is being exported is exported whole by the exporter that it began with, and one that comes during a
 * change waits for the next exporter, which opens when the one before it has closed: they have one spool.
 */
export class ExporterSlot {
  readonly #listener: SlotListener;
  #wanted: WantedExporter | undefined;
  #present: Exporter | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #isEnding = false;

  constructor(wanted: WantedExporter, listener: SlotListener) {
    this.#wanted = wanted;
    this.#listener = listener;
    this.#open(wanted);
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
        this.#listener.closed(before, error);
      }
      // By now it may be yet another one that is wanted, whose own turn comes.
      if (!this.#isEnding && this.#wanted === wanted && wanted !== undefined) this.#open(wanted);
    });
  }

  /** As {@link Exporter.export}. */
  export(batch: ProfileBatch, signal: AbortSignal): Promise<ExportResult> {
    return this.#inTurn(async () => {
      if (this.#present !== undefined) return this.#present.export(batch, signal);
      const { length } = batch.profiles;
      const reason = this.#isEnding ? STOPPED : NOT_OPENED;
      return { exported: 0, bytes: 0, failed: length === 0 ? {} : { [reason]: length } };
    });
  }

  /** Nothing is opened any more. */
  async close(): Promise<void> {
    this.#isEnding = true;
    await this.#inTurn(async () => {
      await this.#present?.close();
    });
  }

  #open(wanted: WantedExporter): void {
    try {
      this.#present = wanted.open();
    } catch (error) {
      this.#listener.notOpened(error);
      return;
    }
    this.#listener.opened(this.#present);
  }

  async #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(task);
    this.#turn = mine.catch(() => undefined); // whoever asked for it hears of it
    return mine;
  }
}
