/** Memory that may change or go while it is read: a process's, or a test's. */
export interface Memory {
  /** As many of these bytes as there are from the first on; undefined where there is none. */
  readUpTo(address: number, length: number): Promise<Buffer | undefined>;
  /** Pages of 4096 bytes by their numbers, all in one go, where that costs less than each by itself. */
  readPages?(numbers: readonly number[]): Promise<readonly (Buffer | undefined)[]>;
}

/** Of memory that is read by pages; the addon reads as much. */
export const PAGE_BYTES = 4096;
/** Beyond this, what was read first is read anew. */
const MAX_PAGES = 512;

/**
 * Reads by pages, each once: what names are made of lies close together, and a read costs the same for eight bytes and for a
 * page. Pages that several ask for at the same time are read together. What is remembered is as old as its first read: {@link forget}
 * before something is checked again.
 */
export class MemoryPages implements Memory {
  private readonly pages = new Map<number, Promise<Buffer | undefined>>();
  /** Asked for since the last read began, and the read that they will be part of. */
  private asked: number[] = [];
  private next: Promise<readonly (Buffer | undefined)[]> | undefined;
  /** Of the process's memory, so far; and the bytes that they asked for. */
  reads = 0;
  readBytes = 0;
  /** Whether anything was there. */
  isThere = false;

  constructor(private readonly memory: Memory) {}

  forget(): void {
    this.pages.clear();
  }

  /** All of these bytes, which live on; undefined where some are not there. `length` is the caller's to bound. */
  async bytes(address: number, length: number): Promise<Buffer | undefined> {
    const bytes = await this.readUpTo(address, length);
    return bytes?.length === length ? bytes : undefined;
  }

  /** As many of these bytes as there are from the first on; undefined where there is none. */
  async readUpTo(address: number, length: number): Promise<Buffer | undefined> {
    if (!isAddress(address) || !isAddress(address + length) || length <= 0) return undefined;
    const first = Math.floor(address / PAGE_BYTES);
    const last = Math.floor((address + length - 1) / PAGE_BYTES);
    if (last - first > 1) return this.count(length, this.memory.readUpTo(address, length));
    const inFirst = Math.min(length, (first + 1) * PAGE_BYTES - address);
    const head = within(await this.page(first), address - first * PAGE_BYTES, inFirst);
    if (head === undefined || head.length < inFirst || first === last) return head;
    const tail = within(await this.page(last), 0, length - inFirst);
    return tail === undefined ? head : Buffer.concat([head, tail]);
  }

  async u64(address: number): Promise<number | undefined> {
    const bytes = await this.bytes(address, 8);
    return bytes && u64At(bytes, 0);
  }

  private page(number: number): Promise<Buffer | undefined> {
    const known = this.pages.get(number);
    if (known !== undefined) return known;
    if (this.pages.size >= MAX_PAGES) this.pages.delete(this.pages.keys().next().value!);
    const page = this.count(PAGE_BYTES, this.read(number));
    this.pages.set(number, page);
    return page;
  }

  private async count(length: number, reading: Promise<Buffer | undefined>): Promise<Buffer | undefined> {
    this.reads++;
    this.readBytes += length;
    const bytes = await reading;
    this.isThere ||= bytes !== undefined;
    return bytes;
  }

  private async read(number: number): Promise<Buffer | undefined> {
    if (this.memory.readPages === undefined) return this.memory.readUpTo(number * PAGE_BYTES, PAGE_BYTES);
    const at = this.asked.push(number) - 1;
    this.next ??= this.readAsked();
    return (await this.next)[at];
  }

  /** Begins when all who wait for the last read have got as far as they can. */
  private async readAsked(): Promise<readonly (Buffer | undefined)[]> {
    await new Promise<void>((resolve) => {
      process.nextTick(resolve);
    });
    const numbers = this.asked;
    this.asked = [];
    this.next = undefined;
    return this.memory.readPages!(numbers);
  }
}

/** A pointer that is no address of user space is none that something lies at. */
const MAX_ADDRESS = 2 ** 47;

function isAddress(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0 && value < MAX_ADDRESS;
}

/** As many of these bytes as the page has; undefined where it has none. */
function within(page: Buffer | undefined, start: number, length: number): Buffer | undefined {
  return page === undefined || start >= page.length ? undefined : page.subarray(start, start + length);
}

/** Exact for addresses; what is no address is rounded, and read nowhere. */
export function u64At(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at + 4) * 2 ** 32 + bytes.readUInt32LE(at);
}
