import { spoolNameOf, type SpoolName } from "./spool-name.js";

/** A file of the spool. */
export interface SpoolRow extends SpoolName {
  /** Of the file. */
  readonly bytes: number;
  /** Monotonic clock of this process, milliseconds; negative for what an earlier one queued. */
  readonly queuedAtMs: number;
}

const FIRST_CAPACITY = 64;

/**
 * The files of a spool, oldest first, in columns: 32 bytes a file, so that an outage of a day on a busy node costs 3 MiB and no
 * objects.
 */
export class SpoolIndex {
  #sequence = new Float64Array(FIRST_CAPACITY);
  #queuedAtMs = new Float64Array(FIRST_CAPACITY);
  #bytes = new Float64Array(FIRST_CAPACITY);
  #run = new Uint32Array(FIRST_CAPACITY);
  #profiles = new Uint32Array(FIRST_CAPACITY);
  /** A ring: rows are added behind and leave in front. The capacity is a power of two. */
  #first = 0;
  #length = 0;
  #totalBytes = 0;

  get length(): number {
    return this.#length;
  }

  /** Of all files together. */
  get totalBytes(): number {
    return this.#totalBytes;
  }

  /** The row at this place, 0 being the oldest. */
  at(place: number): SpoolRow {
    const slot = this.#slot(place);
    return {
      sequence: this.#sequence[slot],
      run: this.#run[slot],
      profiles: this.#profiles[slot],
      bytes: this.#bytes[slot],
      queuedAtMs: this.#queuedAtMs[slot],
    };
  }

  nameAt(place: number): string {
    return spoolNameOf(this.at(place));
  }

  push(row: SpoolRow): void {
    if (this.#length === this.#sequence.length) this.#resize(this.#length * 2);
    this.#write(this.#slot(this.#length), row);
    this.#length++;
    this.#totalBytes += row.bytes;
  }

  /** Places up to it move up by one: cheap in front, where files leave. */
  removeAt(place: number): void {
    this.#totalBytes -= this.#bytes[this.#slot(place)];
    for (let to = place; to > 0; to--) this.#write(this.#slot(to), this.at(to - 1));
    this.#first = this.#slot(1);
    this.#length--;
    if (this.#length === 0 && this.#sequence.length > FIRST_CAPACITY) this.#resize(FIRST_CAPACITY);
  }

  /** Where the file is, looked for from the oldest; -1 when it is not there. */
  find({ sequence, run }: Pick<SpoolName, "sequence" | "run">): number {
    for (let place = 0; place < this.#length; place++) {
      const slot = this.#slot(place);
      if (this.#sequence[slot] === sequence && this.#run[slot] === run) return place;
    }
    return -1;
  }

  #slot(place: number): number {
    return (this.#first + place) & (this.#sequence.length - 1);
  }

  #write(slot: number, row: SpoolRow): void {
    this.#sequence[slot] = row.sequence;
    this.#run[slot] = row.run;
    this.#profiles[slot] = row.profiles;
    this.#bytes[slot] = row.bytes;
    this.#queuedAtMs[slot] = row.queuedAtMs;
  }

  #resize(capacity: number): void {
    this.#sequence = this.#unrolled(this.#sequence, new Float64Array(capacity));
    this.#queuedAtMs = this.#unrolled(this.#queuedAtMs, new Float64Array(capacity));
    this.#bytes = this.#unrolled(this.#bytes, new Float64Array(capacity));
    this.#run = this.#unrolled(this.#run, new Uint32Array(capacity));
    this.#profiles = this.#unrolled(this.#profiles, new Uint32Array(capacity));
    this.#first = 0;
  }

  /** The column copied, its oldest value first. */
  #unrolled<Column extends Float64Array | Uint32Array>(from: Column, to: Column): Column {
    for (let place = 0; place < this.#length; place++) {
      to[place] = from[(this.#first + place) & (from.length - 1)];
    }
    return to;
  }
}
