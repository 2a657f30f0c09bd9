import { inflateSync } from "node:zlib";
import { decompressZstd } from "../zstd/decompress.js";
import { type ByteSource, MAX_READ_BYTES, MemorySource, SliceSource } from "./byte-source.js";
import { ELFCOMPRESS_ZLIB, ELFCOMPRESS_ZSTD, SHF_COMPRESSED, SHT_NOBITS } from "./constants.js";
import type { ElfFile, ElfRefusal, ElfSection } from "./elf-file.js";
import { u32, u64 } from "./little-endian.js";

const COMPRESSION_HEADER_BYTES = 24;
const GNU_HEADER_BYTES = 12;

/**
 * The bytes of a section. One that is stored plainly is read from the file as it is asked for; a compressed one
 * (SHF_COMPRESSED by zlib or zstd, or the older .zdebug_* of gcc and Go) is inflated into memory, at most `maxInflatedBytes` of it.
 */
export function openSection(elf: ElfFile, section: ElfSection, maxInflatedBytes: number): ByteSource | ElfRefusal {
  if (section.type === SHT_NOBITS) return { problem: "malformed", detail: `${section.name} has no bytes in the file` };
  // A separate debug file's or a truncated file's headers promise more than there is.
  if (!(section.fileOffset + section.size <= elf.source.size)) {
    return { problem: "malformed", detail: `${section.name} lies beyond the end` };
  }
  const stored = new SliceSource(elf.source, section.fileOffset, section.size);
  const isGnu = section.name.startsWith(".zdebug_");
  if ((section.flags & SHF_COMPRESSED) === 0 && !isGnu) return stored;

  const headerBytes = isGnu ? GNU_HEADER_BYTES : COMPRESSION_HEADER_BYTES;
  const header = stored.read(0, headerBytes);
  if (header === undefined) return { problem: "malformed", detail: `${section.name}: no compression header` };
  const kind = compressionOf(header, isGnu);
  if (kind === undefined) return { problem: "malformed", detail: `${section.name}: unknown compression` };
  const size = isGnu ? Number(header.readBigUInt64BE(4)) : u64(header, 8);
  const limit = Math.min(maxInflatedBytes, MAX_READ_BYTES);
  if (size > limit || stored.size - headerBytes > limit) {
    return { problem: "limit-exceeded", detail: `${section.name}: ${size} bytes inflated` };
  }
  const compressed = stored.read(headerBytes, stored.size - headerBytes);
  if (compressed === undefined) {
    return { problem: "read-failed", detail: `${section.name}: ${stored.failure ?? "short read"}` };
  }
  const inflated = kind === "zlib" ? inflate(compressed, size) : decompressZstd(compressed, size);
  return typeof inflated === "string"
    ? { problem: "malformed", detail: `${section.name}: ${inflated}` }
    : new MemorySource(inflated);
}

function compressionOf(header: Buffer, isGnu: boolean): "zlib" | "zstd" | undefined {
  if (isGnu) return header.toString("latin1", 0, 4) === "ZLIB" ? "zlib" : undefined;
  const kind = u32(header, 0);
  return kind === ELFCOMPRESS_ZLIB ? "zlib" : kind === ELFCOMPRESS_ZSTD ? "zstd" : undefined;
}

function inflate(deflated: Buffer, size: number): Buffer | string {
  try {
    // A first piece that holds everything saves zlib from joining many.
    const inflated = inflateSync(deflated, {
      maxOutputLength: Math.max(size, 1),
      chunkSize: Math.max(size + 64, 1024),
    });
    return inflated.length === size ? inflated : `inflated to ${inflated.length} of ${size}`;
  } catch (error) {
    return (error as Error).message;
  }
}
