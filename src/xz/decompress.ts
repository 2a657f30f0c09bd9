import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { crc64 } from "./crc64.js";
import { type Block, readBlockIndex } from "./index-of-blocks.js";
import { decodeLzma2 } from "./lzma2.js";
import { copied, type StoredBytes, u32 } from "./stored-bytes.js";
import { VliReader } from "./vli.js";

export interface XzRefusal {
  readonly problem: "malformed" | "limit-exceeded" | "unsupported";
  /** One clause for a log line. */
  readonly detail: string;
}

const LZMA2 = 0x21;
const FILTERS = new Map([
  [0x03, "delta"],
  [0x04, "x86"],
  [0x05, "PowerPC"],
  [0x06, "IA-64"],
  [0x07, "ARM"],
  [0x08, "ARM-Thumb"],
  [0x09, "SPARC"],
  [0x0a, "ARM64"],
  [0x0b, "RISC-V"],
]);
const MAX_HEADER_BYTES = 1024;
const COMPRESSED_SIZE = 0x40;
const UNCOMPRESSED_SIZE = 0x80;
const MAX_DICTIONARY_CODE = 40;

/** The checks that xz writes, by their number in the stream's flags. */
const CHECKS = new Map<number, { readonly bytes: number; readonly of: (bytes: Uint8Array) => Uint8Array }>([
  [0, { bytes: 0, of: () => new Uint8Array(0) }],
  [1, { bytes: 4, of: (bytes) => Buffer.from(Uint32Array.of(crc32(bytes)).buffer) }],
  [4, { bytes: 8, of: crc64 }],
  [10, { bytes: 32, of: (bytes) => createHash("sha256").update(bytes).digest() }],
]);

/**
 * Inflates an .xz stream into memory, at most `maxBytes`: how much it is stands in the stream's index, so that what is too
 * large is refused before anything is allocated. Checks of the format are verified. Never throws.
 */
export function decompressXz(stored: StoredBytes, maxBytes: number): Buffer | XzRefusal {
  const index = readBlockIndex(stored);
  if (typeof index === "string") return { problem: "malformed", detail: index };
  const check = CHECKS.get(index.check);
  if (check === undefined) return { problem: "unsupported", detail: `check ${index.check}` };
  if (index.size > maxBytes) return { problem: "limit-exceeded", detail: `${index.size} bytes inflated` };
  const out = Buffer.allocUnsafeSlow(index.size);
  let from = 0;
  for (const block of index.blocks) {
    const to = from + block.size;
    const refusal = inflateBlock(stored, block, out, [from, to], check.bytes);
    if (refusal !== undefined) return refusal;
    const checkAt = block.offset + Math.ceil(block.storedSize / 4) * 4 - check.bytes;
    const expected = stored.read(checkAt, check.bytes);
    if (expected === undefined || !check.of(out.subarray(from, to)).every((byte, at) => byte === expected[at])) {
      return { problem: "malformed", detail: `the block at ${block.offset} is not what its check says` };
    }
    from = to;
  }
  return out;
}

function inflateBlock(
  stored: StoredBytes,
  block: Block,
  out: Uint8Array,
  range: readonly [number, number],
  checkBytes: number,
): XzRefusal | undefined {
  const header = readBlockHeader(stored, block.offset);
  if (typeof header !== "number") return header;
  const outcome = decodeLzma2(stored, block.offset + header, out, range);
  if ("problem" in outcome) return { problem: "malformed", detail: outcome.problem };
  return outcome.end + checkBytes === block.offset + block.storedSize
    ? undefined
    : { problem: "malformed", detail: `the block at ${block.offset} ends elsewhere than the index says` };
}

/** Bytes of a block's header (xz-file-format.txt, 3.1); its sizes are those of the index, or the data says otherwise. */
function readBlockHeader(stored: StoredBytes, offset: number): number | XzRefusal {
  const size = ((stored.read(offset, 1)?.[0] ?? 0) + 1) * 4;
  const header = size > 4 && size <= MAX_HEADER_BYTES ? copied(stored.read(offset, size)) : undefined;
  const bad: XzRefusal = { problem: "malformed", detail: `bad block header at ${offset}` };
  if (header === undefined || crc32(header.subarray(0, size - 4)) !== u32(header, size - 4)) {
    return bad;
  }
  const flags = header[1];
  if ((flags & 0x3c) !== 0) return bad;
  const reader = new VliReader(header.subarray(0, size - 4), 2);
  if ((flags & COMPRESSED_SIZE) !== 0) reader.next();
  if ((flags & UNCOMPRESSED_SIZE) !== 0) reader.next();
  const filter = reader.next();
  if ((flags & 3) !== 0 || filter !== LZMA2) {
    return { problem: "unsupported", detail: `filter ${FILTERS.get(filter) ?? filter}` };
  }
  const isLzma2 = reader.next() === 1 && header[reader.at] <= MAX_DICTIONARY_CODE;
  return isLzma2 && !reader.failed ? size : bad;
}
