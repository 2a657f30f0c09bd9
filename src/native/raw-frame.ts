import type { ExecutableId } from "../model/brand.js";
import { frameKind, limits } from "./abi.generated.js";
import { u64Of } from "../util/u64.js";

/**
 * A frame as the kernel side writes it (bpf/abi.h, "Frames"): one u64, here as its two u32 words, so that no BigInt is
 * made. The high word has kind (4 bits), executable id (20) and the upper 8 bits of the file offset.
 */
const KIND_SHIFT = 28;
const ID_SHIFT = limits.frameAddressBits - 32;
const ID_MASK = 2 ** limits.executableIdBits - 1;
const OFFSET_HIGH_MASK = 2 ** ID_SHIFT - 1;
const WORD = 2 ** 32;

export function kindOfFrame(high: number): number {
  return high >>> KIND_SHIFT;
}

/** Of a native frame. */
export function executableOfFrame(high: number): ExecutableId {
  return ((high >>> ID_SHIFT) & ID_MASK) as ExecutableId;
}

/** Of a native frame, bytes. */
export function fileOffsetOfFrame(low: number, high: number): number {
  return (high & OFFSET_HIGH_MASK) * WORD + low;
}

/** Whether it means something in its own process only: JIT code, and interpreters' frames. */
export function isProcessBound(high: number): boolean {
  const kind = kindOfFrame(high);
  return kind !== frameKind.native && kind !== frameKind.kernel;
}

/** Of an interpreter's frame: the 12 bits that its kind has a use for. */
export function typeOfFrame(high: number): number {
  return (high >>> 16) & 0xfff;
}

/** Of an anonymous or an interpreter's frame: user space has 48 bits of addresses here. */
export function userAddressOfFrame(low: number, high: number): number {
  return (high & 0xffff) * WORD + low;
}

/** Of a frame's second word. */
export function cookieOfDetail(high: number): number {
  return high & (2 ** KIND_SHIFT - 1);
}

/** Of a kernel or an anonymous frame. */
export function addressOfFrame(low: number, high: number): bigint {
  const upper = kindOfFrame(high) === frameKind.kernel ? high : high & (2 ** KIND_SHIFT - 1);
  return u64Of(low, upper);
}

/** High word of a native frame; its low word is `fileOffset % 2^32`. */
export function nativeFrameHigh(executable: ExecutableId, fileOffset: number): number {
  return (
    ((frameKind.native << KIND_SHIFT) |
      (executable << ID_SHIFT) |
      (Math.floor(fileOffset / WORD) & OFFSET_HIGH_MASK)) >>>
    0
  );
}

/** High word of a frame in executable memory without a file. */
export function anonymousFrameHigh(address: number): number {
  return ((frameKind.anonymous << KIND_SHIFT) | Math.floor(address / WORD)) >>> 0;
}
