import { sampleFlag, sampleLayout } from "../native/abi.generated.js";

const FLAGS_WORD = sampleLayout.flags >> 2;
const FLAGS_SHIFT = (sampleLayout.flags & 3) * 8;

/** Where a sample's words lie; one object is reused for all. */
export interface PassingSample {
  /** Its header, a struct abi_sample, is words[header…]. */
  words: Uint32Array;
  header: number;
  /** Its frames are frameWords[start…], two words each. */
  frameWords: Uint32Array;
  start: number;
  frames: number;
  kernelFrames: number;
  outcome: number;
}

/** Whether the sample whose header begins at words[header] has frames that mean something in its process only. */
export function isBound(words: Uint32Array, header: number): boolean {
  return (words[header + FLAGS_WORD] & (sampleFlag.processBound << FLAGS_SHIFT)) !== 0;
}

/** Notes that it has. */
export function markBound(words: Uint32Array, header: number): void {
  words[header + FLAGS_WORD] |= sampleFlag.processBound << FLAGS_SHIFT;
}
