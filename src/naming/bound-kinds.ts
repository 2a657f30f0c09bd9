import type { PassingSample } from "../capture/passing-sample.js";
import { frameKind } from "../native/abi.generated.js";
import { isProcessBound, kindOfFrame } from "../native/raw-frame.js";
import type { BoundFrames, BoundKind, BoundNames } from "./bound-frames.js";

/** Whoever names frames that mean something in one process only, by enum abi_frame_kind. */
export class BoundKinds {
  constructor(private readonly kinds: ReadonlyMap<number, BoundKind>) {}

  /** Tells each kind that the stack has frames of. */
  readonly sight = (sample: PassingSample): void => {
    const { frameWords, start, frames, kernelFrames } = sample;
    let told = 0;
    for (let frame = kernelFrames; frame < frames; frame++) {
      const high = frameWords[start + 2 * frame + 1];
      if (!isProcessBound(high)) continue;
      const kind = kindOfFrame(high);
      if (kind === frameKind.detail || (told & (1 << kind)) !== 0) continue;
      told |= 1 << kind;
      this.kinds.get(kind)?.sight(sample);
    }
  };

  readonly bound = async (frames: BoundFrames): Promise<BoundNames | undefined> =>
    this.kinds.get(frames.kind)?.bound(frames);

  windowWritten(waiting: number): void {
    for (const kind of this.kinds.values()) kind.windowWritten(waiting);
  }

  close(): void {
    for (const kind of this.kinds.values()) kind.close();
  }
}
