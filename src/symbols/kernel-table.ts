import { closeSync, openSync } from "node:fs";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { errnoOf } from "../util/errno.js";
import { Uint32Column } from "../util/column.js";
import { upperBound } from "../util/upper-bound.js";
import { HIDDEN_LINES, hex8, type LineSink, readLines } from "./kallsyms-lines.js";
import { MAX_ROWS, RowSorter } from "./sorted-rows.js";
import { u64Of } from "../util/u64.js";

/**
 * The functions of the kernel's own image, which never change while it runs: 8 bytes and a deflated name each. 122,000
 * symbols take 1.2 MiB and half a second of making once (measured), where a pass over /proc/kallsyms for the few new
 * addresses of each window took 80 ms every time.
 */
export interface KernelTableData {
  /** `_text`, the first address. */
  readonly base: bigint;
  /** Of each symbol, from the base; ascending, distinct, ending with that of `_etext`. */
  readonly starts: Uint32Array;
  /** The names of {@link BLOCK_NAMES} symbols each, a line each, deflated; block b is blocks[offsets[b] .. offsets[b + 1]). */
  readonly blocks: Uint8Array;
  readonly offsets: Uint32Array;
}

export interface KernelFunction {
  readonly systemName: string;
  readonly start: bigint;
  readonly limit: bigint;
}

const BLOCK_NAMES = 128;
/** KSYM_NAME_LEN (include/linux/kallsyms.h, 6.1 and later). */
const MAX_NAME_BYTES = 512;
const TAB = 0x09;
const UNDERSCORE = 0x5f;

/** Reads /proc/kallsyms; undefined when it hides its addresses, cannot be read, or does not say where the image lies. */
export function readKernelTable(path = "/proc/kallsyms"): KernelTableData | undefined {
  const symbols = new ImageSymbols();
  try {
    const fd = openSync(path, "r");
    try {
      readLines(fd, symbols);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (errnoOf(error) === "") throw error;
    return undefined;
  }
  return symbols.finish();
}

/** The image's symbols as columns: a hundred thousand objects would take more memory than all else. */
class ImageSymbols implements LineSink {
  #hidden = 0;
  readonly #low = new Uint32Column(1 << 17);
  readonly #high = new Uint32Column(1 << 17);
  /** Name n is #names[#ends[n - 1] .. #ends[n]); nothing where data lies. */
  readonly #ends = new Uint32Column(1 << 17);
  #names = Buffer.allocUnsafeSlow(1 << 21);
  #used = 0;
  #base = 0n;
  #limit = 0n;

  /** `ffffffff81000000 T _text`; lines of modules end with a tab and `[module]`, and are left out. */
  line(buffer: Buffer, start: number, end: number): void {
    const name = start + 19;
    if (end <= name || end - name > MAX_NAME_BYTES || this.#low.length >= MAX_ROWS) return;
    const high = hex8(buffer, start);
    const low = hex8(buffer, start + 8);
    const tab = buffer.indexOf(TAB, name);
    if (high === 0) {
      this.#hidden++;
      return;
    }
    if (tab >= 0 && tab < end) return;
    if (buffer[name] === UNDERSCORE && (end - name === 5 || end - name === 6)) {
      this.#noteBounds(buffer.toString("latin1", name, end), u64Of(low, high));
    }
    this.#low.push(low);
    this.#high.push(high);
    const type = buffer[start + 17] | 0x20;
    if (type === 0x74 || type === 0x77) this.#keep(buffer, name, end);
    this.#ends.push(this.#used);
  }

  get knowsEnough(): boolean {
    return this.#low.length === 0 && this.#hidden >= HIDDEN_LINES;
  }

  /** Nothing is left in the buffer between its lines. */
  commit(): void {}

  #keep(buffer: Buffer, start: number, end: number): void {
    if (this.#used + MAX_NAME_BYTES > this.#names.length) {
      const larger = Buffer.allocUnsafeSlow(this.#names.length * 2);
      this.#names.copy(larger, 0, 0, this.#used);
      this.#names = larger;
    }
    this.#used += buffer.copy(this.#names, this.#used, start, end);
  }

  #noteBounds(name: string, address: bigint): void {
    if (name === "_text") this.#base = address;
    else if (name === "_etext") this.#limit = address;
  }

  finish(): KernelTableData | undefined {
    const length = this.#limit - this.#base;
    if (this.#base === 0n || length <= 0n || length >= 2n ** 32n) return undefined;
    const base = Number(BigInt.asIntN(64, this.#base));
    const sorter = new RowSorter(base, this.#low.length);
    for (let row = 0; row < this.#low.length; row++) {
      // As a signed number: exact, for the image lies within 2^53 of the top.
      const start = (this.#high.values[row] | 0) * 2 ** 32 + this.#low.values[row];
      if (start - base < Number(length)) sorter.add(start, row);
    }
    const sorted = sorter.finish();
    // Rows of one start come in the order of their lines: the first wins, as in the kernel's own traces.
    const rows = sorted.rows.filter((_, at) => at === 0 || sorted.starts[at] !== sorted.starts[at - 1]);
    const starts = sorted.starts.filter((start, at) => at === 0 || start !== sorted.starts[at - 1]);
    return { base: this.#base, starts: withLast(starts, Number(length)), ...this.#deflate(rows) };
  }

  #deflate(rows: Uint32Array): Pick<KernelTableData, "blocks" | "offsets"> {
    const blocks: Buffer[] = [];
    const offsets = [0];
    for (let at = 0; at < rows.length; at += BLOCK_NAMES) {
      const names = Array.from(rows.subarray(at, at + BLOCK_NAMES), (row) => {
        return this.#names.toString("latin1", row === 0 ? 0 : this.#ends.values[row - 1], this.#ends.values[row]);
      });
      const block = deflateRawSync(names.join("\n"));
      blocks.push(block);
      offsets.push(offsets[offsets.length - 1] + block.length);
    }
    const all = new Uint8Array(offsets[offsets.length - 1]);
    for (const [index, block] of blocks.entries()) all.set(block, offsets[index]);
    return { blocks: all, offsets: Uint32Array.from(offsets) };
  }
}

function withLast(column: Uint32Array, last: number): Uint32Array {
  const longer = new Uint32Array(column.length + 1);
  longer.set(column);
  longer[column.length] = last;
  return longer;
}

/** Looks functions up in such a table. */
export class KernelTable {
  /** `_etext`, behind the last address. */
  readonly limit: bigint;
  private block = -1;
  private names: readonly string[] = [];

  constructor(private readonly data: KernelTableData) {
    this.limit = data.base + BigInt(data.starts[data.starts.length - 1]);
  }

  get base(): bigint {
    return this.data.base;
  }

  get bytes(): number {
    const { starts, blocks, offsets } = this.data;
    return starts.byteLength + blocks.byteLength + offsets.byteLength;
  }

  /** Whether the address lies in the kernel's image, for which this table has the last word. */
  covers(address: bigint): boolean {
    return this.data.base <= address && address < this.limit;
  }

  /** Of a covered address; its name is "" where data lies. Neighbours cost less than addresses far apart. */
  find(address: bigint): KernelFunction {
    const { base, starts } = this.data;
    const row = upperBound(starts, Number(address - base)) - 1;
    return {
      systemName: this.name(row),
      start: base + BigInt(starts[row]),
      limit: base + BigInt(starts[row + 1]),
    };
  }

  private name(row: number): string {
    const block = Math.floor(row / BLOCK_NAMES);
    if (block !== this.block) {
      const { blocks, offsets } = this.data;
      const deflated = blocks.subarray(offsets[block], offsets[block + 1]);
      const maxOutputLength = BLOCK_NAMES * (MAX_NAME_BYTES + 1);
      this.names = inflateRawSync(deflated, { maxOutputLength }).toString("latin1").split("\n");
      this.block = block;
    }
    return this.names[row % BLOCK_NAMES];
  }
}
