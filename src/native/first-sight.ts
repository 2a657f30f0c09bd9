import {
  fileKeyLayout,
  firstSightLayout,
  limits,
  mappingLayout,
  recordKind,
  registersLayout,
} from "./abi.generated.js";

/** A file as the kernel knows it: struct abi_file_key. */
export interface FileKey {
  readonly inode: bigint;
  readonly size: bigint;
  /** Since the epoch. */
  readonly ctimeNs: bigint;
  /** The kernel's s_dev: major << 20 | minor. */
  readonly device: number;
  readonly generation: number;
  /** The same as it lies in the record: the key of the executables map. */
  readonly bytes: Uint8Array;
}

/** One executable, file-backed mapping of a process, in virtual addresses. */
export interface MappingRecord {
  readonly start: number;
  readonly end: number;
  readonly fileOffset: number;
  readonly key: FileKey;
}

/** Copied bytes of a stack. */
export interface StackBytes {
  /** Virtual address of the first. */
  readonly start: number;
  readonly bytes: Uint8Array;
}

/** All that is needed to finish a stack in user space: struct abi_first_sight. */
export interface FirstSight {
  readonly cpu: number;
  readonly sequence: number;
  readonly pid: number;
  /** [0] is that of the file that is met: the frame's, or its runtime's. The others are in address order. */
  readonly mappings: readonly MappingRecord[];
  readonly mappingsTruncated: boolean;
  /** struct abi_registers, at the offsets of registersLayout. */
  readonly registers: DataView;
  /** The user stack upward from a little below registers.sp, and another stack from registers.fp where that leads to one. */
  readonly stacks: readonly StackBytes[];
  /** True when the user stack goes on beyond its copy. */
  readonly stackTruncated: boolean;
}

/**
 * Takes apart a record that SampleCursor.copyRecord gave; its arrays are views of it. Undefined when its counts do not
 * fit its length, which the cursor refuses before. Made once a file and process, not once a sample: it may allocate.
 */
export function readFirstSight(record: Uint8Array): FirstSight | undefined {
  if (record.length < firstSightLayout.sizeOf || record[firstSightLayout.kind] !== recordKind.firstSight) {
    return undefined;
  }
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  const count = view.getUint16(firstSightLayout.mappingCount, littleEndian);
  const stackBytes = view.getUint32(firstSightLayout.stackBytes, littleEndian);
  const stackOffset = firstSightLayout.sizeOf + count * mappingLayout.sizeOf;
  const otherBytes = view.getUint32(firstSightLayout.otherStackBytes, littleEndian);
  const otherOffset = stackOffset + stackBytes;
  if (count > limits.maxMappings || stackBytes > limits.maxStackCopy) return undefined;
  if (otherBytes > limits.maxOtherStackCopy || otherOffset + otherBytes > record.length) return undefined;

  const mappings: MappingRecord[] = [];
  for (let i = 0; i < count; i++) {
    mappings.push(readMapping(record, view, firstSightLayout.sizeOf + i * mappingLayout.sizeOf));
  }
  const registers = record.byteOffset + firstSightLayout.registers;
  return {
    cpu: view.getUint32(firstSightLayout.cpu, littleEndian),
    sequence: view.getUint32(firstSightLayout.sequence, littleEndian),
    pid: view.getUint32(firstSightLayout.pid, littleEndian),
    mappings,
    mappingsTruncated: record[firstSightLayout.mappingsTruncated] !== 0,
    registers: new DataView(record.buffer, registers, registersLayout.sizeOf),
    stacks: [
      {
        start: Number(view.getBigUint64(firstSightLayout.stackStart, littleEndian)),
        bytes: record.subarray(stackOffset, otherOffset),
      },
      {
        start: Number(view.getBigUint64(firstSightLayout.otherStackStart, littleEndian)),
        bytes: record.subarray(otherOffset, otherOffset + otherBytes),
      },
    ],
    stackTruncated: view.getUint32(firstSightLayout.stackTruncated, littleEndian) !== 0,
  };
}

/** Both architectures that the agent runs on are; DataView wants it said. */
const littleEndian = true;

function readMapping(record: Uint8Array, view: DataView, offset: number): MappingRecord {
  const key = offset + mappingLayout.key;
  return {
    // User addresses have at most 52 bits on arm64, and 47 on x86-64 unless the process asked for more by address.
    start: Number(view.getBigUint64(offset + mappingLayout.start, littleEndian)),
    end: Number(view.getBigUint64(offset + mappingLayout.end, littleEndian)),
    fileOffset: Number(view.getBigUint64(offset + mappingLayout.fileOffset, littleEndian)),
    key: {
      inode: view.getBigUint64(key + fileKeyLayout.inode, littleEndian),
      size: view.getBigUint64(key + fileKeyLayout.size, littleEndian),
      ctimeNs: view.getBigUint64(key + fileKeyLayout.ctimeNs, littleEndian),
      device: view.getUint32(key + fileKeyLayout.device, littleEndian),
      generation: view.getUint32(key + fileKeyLayout.generation, littleEndian),
      bytes: record.subarray(key, key + fileKeyLayout.sizeOf),
    },
  };
}
