import { crc32 } from "node:zlib";
import { copied, type StoredBytes, u32 } from "./stored-bytes.js";
import { VliReader } from "./vli.js";

/** A block of a stream: where it is, and what it inflates to. */
export interface Block {
  readonly offset: number;
  /** Header, data and check, without what fills it up to a multiple of four. */
  readonly storedSize: number;
  readonly size: number;
}

export interface BlockIndex {
  readonly blocks: readonly Block[];
  /** Of all blocks together. */
  readonly size: number;
  /** Which check follows each block: the number in the stream's flags. */
  readonly check: number;
}

export const STREAM_HEADER_BYTES = 12;
const FOOTER_BYTES = 12;
const MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0];
/** Blocks are of some MiB, where there are several at all. */
const MAX_BLOCKS = 4096;
const MAX_INDEX_BYTES = 64 * 1024;

/**
 * What the stream's index says of its blocks (xz-file-format.txt, 2 and 4), so that everything is known before anything is
 * inflated; a clause on what is wrong when it makes no sense.
 */
export function readBlockIndex(stored: StoredBytes): BlockIndex | string {
  const header = copied(stored.read(0, STREAM_HEADER_BYTES));
  const footer = copied(stored.read(stored.size - FOOTER_BYTES, FOOTER_BYTES));
  if (header === undefined || footer === undefined) return "shorter than a stream";
  if (!MAGIC.every((byte, at) => header[at] === byte)) return "no xz magic";
  if (footer[10] !== 0x59 || footer[11] !== 0x5a) return "no end of a stream";
  if (crc32(header.subarray(6, 8)) !== u32(header, 8)) return "bad stream header";
  if (crc32(footer.subarray(4, 10)) !== u32(footer, 0)) return "bad stream footer";
  if (header[6] !== footer[8] || header[7] !== footer[9] || header[6] !== 0 || header[7] > 15) {
    return "unknown stream flags";
  }
  const indexBytes = (u32(footer, 4) + 1) * 4;
  const indexAt = stored.size - FOOTER_BYTES - indexBytes;
  if (indexBytes > MAX_INDEX_BYTES) return `an index of ${indexBytes} bytes`;
  const index = indexAt < STREAM_HEADER_BYTES ? undefined : stored.read(indexAt, indexBytes);
  if (index === undefined || crc32(index.subarray(0, indexBytes - 4)) !== u32(index, indexBytes - 4)) {
    return "bad index";
  }
  return readRecords(index.subarray(0, indexBytes - 4), indexAt, header[7]);
}

function readRecords(index: Uint8Array, indexAt: number, check: number): BlockIndex | string {
  const reader = new VliReader(index, 1);
  const count = reader.next();
  if (index[0] !== 0 || reader.failed || count > MAX_BLOCKS) return "bad index";
  const blocks: Block[] = [];
  let offset = STREAM_HEADER_BYTES;
  let size = 0;
  for (let record = 0; record < count; record++) {
    const block = { offset, storedSize: reader.next(), size: reader.next() };
    if (reader.failed || block.storedSize === 0) return "bad index";
    blocks.push(block);
    offset += Math.ceil(block.storedSize / 4) * 4;
    size += block.size;
  }
  // Several streams, one behind the other, are for tape drives.
  return offset === indexAt ? { blocks, size, check } : "more than one stream";
}
