/** Reads numbers of seven bits a byte, as headers and indices of .xz files have them. */
export class VliReader {
  readonly #bytes: Uint8Array;
  at: number;
  /** Whether one was cut short or is larger than any file. */
  failed = false;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  next(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 63; scale *= 128) {
      if (this.at >= this.#bytes.length) break;
      const byte = this.#bytes[this.at++];
      value += (byte & 0x7f) * scale;
      if (byte >= 0x80) continue;
      this.failed ||= !Number.isSafeInteger(value);
      return value;
    }
    this.failed = true;
    return 0;
  }
}
