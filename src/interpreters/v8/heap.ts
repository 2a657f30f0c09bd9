import type { Memory } from "../memory-pages.js";

/** Maps whose instance type is remembered; those of a heap's own kinds of objects are a dozen. */
const MAX_MAPS = 256;
const INSTANCE_TYPE = 12;
const WORD = 2 ** 32;
/** User space has 47 bits of addresses, or 48. */
const MAX_HIGH = 0xffff;

/** Reads of one function are so many at most: a heap that leads in circles ends. */
const MAX_READS = 2000;
/** Times that a forwarding word is followed: objects that the garbage collector is moving right now. */
const MAX_FORWARDS = 1;

/** A piece of an object of V8's heap, as it was a moment ago. Offsets are from the object's first byte. */
export class HeapObject {
  constructor(
    /** Without tag. */
    readonly address: number,
    /** Instance type of its map. */
    readonly type: number,
    private readonly bytes: Buffer,
  ) {}

  get length(): number {
    return this.bytes.length;
  }

  /** Whether `size` bytes from there on were read. */
  has(offset: number, size = 8): boolean {
    return offset >= 0 && offset + size <= this.bytes.length;
  }

  /** Address of what a tagged word points to; undefined of a Smi, of a cleared weak reference, and of what was not read. */
  pointer(offset: number): number | undefined {
    if (!this.has(offset)) return undefined;
    const low = this.bytes.readUInt32LE(offset);
    const high = this.bytes.readUInt32LE(offset + 4);
    return taggedPointer(low, high);
  }

  /** A small integer; undefined of a pointer. */
  smi(offset: number): number | undefined {
    if (!this.has(offset) || (this.bytes[offset] & 1) !== 0) return undefined;
    return this.bytes.readInt32LE(offset + 4);
  }

  /** A word that is no tagged one: an address outside of V8's heap. */
  raw(offset: number): number | undefined {
    if (!this.has(offset)) return undefined;
    const high = this.bytes.readUInt32LE(offset + 4);
    return high > MAX_HIGH ? undefined : high * WORD + this.bytes.readUInt32LE(offset);
  }

  u16(offset: number): number | undefined {
    return this.has(offset, 2) ? this.bytes.readUInt16LE(offset) : undefined;
  }

  u32(offset: number): number | undefined {
    return this.has(offset, 4) ? this.bytes.readUInt32LE(offset) : undefined;
  }

  i32(offset: number): number | undefined {
    return this.has(offset, 4) ? this.bytes.readInt32LE(offset) : undefined;
  }

  /** Other bytes of it, counted from the first of these. */
  with(bytes: Buffer): HeapObject {
    return new HeapObject(this.address, this.type, bytes);
  }

  slice(offset: number, length: number): Buffer {
    return this.bytes.subarray(offset, offset + length);
  }
}

/** What a heap remembers from read to read: what is at a Map's address stays there while its isolate lives. */
export class KnownMaps {
  private readonly types = new Map<number, number>();

  get(address: number): number | undefined {
    return this.types.get(address);
  }

  set(address: number, type: number): void {
    if (this.types.size >= MAX_MAPS) this.types.clear();
    this.types.set(address, type);
  }
}

/** V8's heap in another process, read while it runs: each object may be another a moment later. For one function. */
export class Heap {
  private readsLeft = MAX_READS;

  constructor(
    private readonly memory: Memory,
    private readonly maps: KnownMaps,
  ) {}

  /** Of an object its first bytes, so many at most; undefined where none is, or no more. `address` is without tag. */
  async object(address: number | undefined, bytes: number): Promise<HeapObject | undefined> {
    let at = address;
    for (let forwards = 0; forwards <= MAX_FORWARDS; forwards++) {
      if (at === undefined) return undefined;
      const read = await this.bytes(at, bytes);
      if (read === undefined || read.length < 8) return undefined;
      const low = read.readUInt32LE(0);
      const high = read.readUInt32LE(4);
      const map = taggedPointer(low, high);
      if (map !== undefined) {
        const type = await this.typeOf(map);
        return type === undefined ? undefined : new HeapObject(at, type, read);
      }
      // A map word without tag is where the collector has moved the object to (V8's MapWord).
      if ((low & 7) !== 0 || high > MAX_HIGH) return undefined;
      at = high * WORD + low;
    }
    return undefined;
  }

  /** Bytes that are no object's; fewer where there are no more. */
  async bytes(address: number, length: number): Promise<Buffer | undefined> {
    if (this.readsLeft-- <= 0) return undefined;
    return this.memory.readUpTo(address, length);
  }

  private async typeOf(map: number): Promise<number | undefined> {
    const known = this.maps.get(map);
    if (known !== undefined) return known;
    const bytes = await this.bytes(map + INSTANCE_TYPE, 2);
    if (bytes?.length !== 2) return undefined;
    const type = bytes.readUInt16LE(0);
    this.maps.set(map, type);
    return type;
  }
}

/** Tag 01 of a strong, 11 of a weak reference; a cleared one has nothing but its tag in the lower half (V8's Tagged). */
function taggedPointer(low: number, high: number): number | undefined {
  if ((low & 1) === 0 || high > MAX_HIGH || low === 3) return undefined;
  return high * WORD + (low >>> 2) * 4;
}
