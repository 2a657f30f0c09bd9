import type { Upload } from "../model/upload.js";

export interface QueuedUpload {
  readonly sequence: number;
  readonly upload: Upload;
  /** Monotonic clock, milliseconds. */
  readonly queuedAtMs: number;
}

/** Uploads in memory, oldest first. */
export class MemoryQueue {
  readonly #uploads: QueuedUpload[] = [];
  #bytes = 0;

  get length(): number {
    return this.#uploads.length;
  }

  /** Of all bodies. */
  get bytes(): number {
    return this.#bytes;
  }

  at(place: number): QueuedUpload | undefined {
    return this.#uploads.at(place);
  }

  find(sequence: number): QueuedUpload | undefined {
    return this.#uploads.find((queued) => queued.sequence === sequence);
  }

  push(queued: QueuedUpload): void {
    this.#uploads.push(queued);
    this.#bytes += queued.upload.body.byteLength;
  }

  /** Gives whether it was there. */
  remove(sequence: number): boolean {
    const place = this.#uploads.findIndex((queued) => queued.sequence === sequence);
    if (place < 0) return false;
    const [{ upload }] = this.#uploads.splice(place, 1);
    this.#bytes -= upload.body.byteLength;
    return true;
  }
}
