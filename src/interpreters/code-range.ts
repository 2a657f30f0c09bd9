import { executableSegments, type ElfFile } from "../elf/elf-file.js";
import { codeRangeLayout, interpreterLayout, limits } from "../native/abi.generated.js";

/** A piece of an interpreter's file, by ELF address. */
export interface CodeRange {
  readonly elfAddress: number;
  readonly size: number;
  /** As the language's header says. */
  readonly role: number;
}

/**
 * struct abi_interpreter; undefined where a range lies in no executable segment of the file, or there are too many. `layout` is the
 * language's own structure.
 */
export function encodeInterpreter(
  elf: ElfFile,
  kind: number,
  ranges: readonly CodeRange[],
  layout: Uint8Array,
): Uint8Array | undefined {
  if (ranges.length > limits.codeRanges || layout.length > limits.layoutBytes) return undefined;
  const bytes = new Uint8Array(interpreterLayout.sizeOf);
  const view = new DataView(bytes.buffer);
  view.setUint32(interpreterLayout.kind, kind, true);
  view.setUint32(interpreterLayout.rangeCount, ranges.length, true);
  for (const [row, { elfAddress, size, role }] of ranges.entries()) {
    const segment = executableSegments(elf).find(
      (each) => elfAddress >= each.elfAddress && elfAddress + size <= each.elfAddress + each.fileSize,
    );
    if (segment === undefined) return undefined;
    const at = interpreterLayout.ranges + row * codeRangeLayout.sizeOf;
    const start = elfAddress - segment.elfAddress + segment.fileOffset;
    view.setBigUint64(at + codeRangeLayout.start, BigInt(start), true);
    view.setBigUint64(at + codeRangeLayout.end, BigInt(start + size), true);
    view.setBigUint64(
      at + codeRangeLayout.bias,
      BigInt.asUintN(64, BigInt(segment.elfAddress) - BigInt(segment.fileOffset)),
      true,
    );
    view.setUint32(at + codeRangeLayout.role, role, true);
  }
  bytes.set(layout, interpreterLayout.layout);
  return bytes;
}
