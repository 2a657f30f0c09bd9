import type { Memory } from "#src/interpreters/memory-pages.js";

const BASE = 0x7f00_0000_0000;
const MAP_BYTES = 80;
const INSTANCE_TYPE = 12;

/** What a word of an object is made of: a pointer to another, a Smi, or the word itself. */
export type Word = { readonly to: number } | { readonly smi: number } | { readonly raw: number };

/** A heap as V8 lays it out, made for a test. Addresses are without tag. */
export class FakeHeap implements Memory {
  private readonly bytes = Buffer.alloc(1 << 20);
  private used = 16;
  private readonly maps = new Map<number, number>();

  /** An object of so many bytes, all zero but for its map. */
  object(type: number, size: number): number {
    const map = this.mapOf(type);
    const address = this.allocate(size);
    this.write(address, { to: map });
    return address;
  }

  /** Writes words one after the other. */
  words(address: number, ...words: readonly Word[]): void {
    for (const [row, word] of words.entries()) this.write(address + 8 * row, word);
  }

  write(address: number, word: Word): void {
    const at = address - BASE;
    if ("to" in word) this.bytes.writeBigUInt64LE(BigInt(word.to) + 1n, at);
    else if ("smi" in word) {
      this.bytes.writeUInt32LE(0, at);
      this.bytes.writeInt32LE(word.smi, at + 4);
    } else this.bytes.writeBigUInt64LE(BigInt(word.raw), at);
  }

  u32(address: number, value: number): void {
    this.bytes.writeUInt32LE(value >>> 0, address - BASE);
  }

  put(address: number, bytes: Uint8Array): void {
    this.bytes.set(bytes, address - BASE);
  }

  /** Bytes outside of the heap: what an external string shows. */
  outside(bytes: Uint8Array): number {
    const address = this.allocate(bytes.length + 8);
    this.put(address, bytes);
    return address;
  }

  readUpTo(address: number, length: number): Promise<Buffer | undefined> {
    const at = address - BASE;
    if (at < 0 || at >= this.bytes.length) return Promise.resolve(undefined);
    return Promise.resolve(Buffer.from(this.bytes.subarray(at, at + length)));
  }

  private mapOf(type: number): number {
    let map = this.maps.get(type);
    if (map === undefined) {
      map = this.allocate(MAP_BYTES);
      this.bytes.writeUInt16LE(type, map - BASE + INSTANCE_TYPE);
      this.maps.set(type, map);
    }
    return map;
  }

  private allocate(size: number): number {
    const address = BASE + this.used;
    this.used += (size + 15) & ~15;
    if (this.used > this.bytes.length) throw new Error("the heap is full");
    return address;
  }
}
