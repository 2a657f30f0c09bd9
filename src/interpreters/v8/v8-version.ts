import { PT_LOAD } from "../../elf/constants.js";
import type { ElfFile } from "../../elf/elf-file.js";

const CHUNK_BYTES = 1 << 20;
/** Of a file, what is looked through for its version: node of 2026 has 70 MB that are no code. */
const MAX_BYTES = 192 << 20;
/** What node's build gives V8 as the name of its embedder, in one string with the version (deps/v8/src/utils/version.cc). */
const EMBEDDER = "-node.";
const BEFORE = 24;
const AFTER = 8;
const VERSION = /(?:^|\0)(\d{1,3}\.\d{1,3}\.\d{1,5}\.\d{1,5})-node\.\d{1,4}\0/;

/** "13.6.233.17" of a node, by the string that V8 itself shows; undefined where no such string is in the file. */
export function findV8Version(elf: ElfFile): string | undefined {
  let left = MAX_BYTES;
  for (const { type, fileOffset, fileSize } of elf.segments) {
    if (type !== PT_LOAD) continue;
    // Read in pieces that overlap by what the string may have on both sides.
    for (
      let at = fileOffset;
      at < fileOffset + fileSize && left > 0;
      at += CHUNK_BYTES - BEFORE - EMBEDDER.length - AFTER
    ) {
      const length = Math.min(CHUNK_BYTES, fileOffset + fileSize - at);
      left -= length;
      const bytes = elf.source.read(at, length);
      if (bytes === undefined) break;
      const found = versionIn(bytes);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function versionIn(bytes: Buffer): string | undefined {
  for (let at = bytes.indexOf(EMBEDDER); at >= 0; at = bytes.indexOf(EMBEDDER, at + 1)) {
    const text = bytes.toString("latin1", Math.max(0, at - BEFORE), at + EMBEDDER.length + AFTER);
    const found = VERSION.exec(text);
    if (found !== null) return found[1];
  }
  return undefined;
}
