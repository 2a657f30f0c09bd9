import type { GrowingSource } from "#src/jit/growing-file.js";

/** Bytes that stand for a file somebody writes. */
export class GrowingBytes implements GrowingSource {
  bytes: Buffer;

  constructor(content: string | Uint8Array = "") {
    this.bytes = Buffer.from(content as string);
  }

  append(content: string | Uint8Array): void {
    this.bytes = Buffer.concat([this.bytes, Buffer.from(content as string)]);
  }

  size(): number {
    return this.bytes.length;
  }

  read(buffer: Uint8Array, position: number): number {
    return this.bytes.copy(buffer, 0, position);
  }
}
