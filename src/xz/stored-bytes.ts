/** Bytes that nobody vouches for, read by parts. What is read is valid until the next read. */
export interface StoredBytes {
  readonly size: number;
  /** Undefined when not all of them exist or can be read. */
  read(offset: number, length: number): Uint8Array | undefined;
}

/** What was read, to be kept. */
export function copied(bytes: Uint8Array | undefined): Uint8Array | undefined {
  return bytes && Uint8Array.from(bytes);
}

export function u32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}
