import type { ExecutableSerial } from "../model/brand.js";
import type { KernelSymbols } from "../symbols/kallsyms.js";
import type { SymbolizeRequest, SymbolizeResult } from "../symbols/resolver.js";
import type { BoundFrames, BoundNames } from "./bound-frames.js";
import type { Namer } from "./name-window.js";

/**
 * A namer for one window that is named twice, the second time when debug files have come: what they tell nothing new of is answered
 * as before. It holds all answers, and goes with the window.
 */
export class AnsweredNamer implements Namer {
  readonly #namer: Namer;
  readonly #answers = new Map<ExecutableSerial, Promise<SymbolizeResult>>();
  readonly #again = new Set<ExecutableSerial>();
  #kernel: Promise<KernelSymbols> | undefined;
  /** Build IDs of debug files that would tell more, and were not here. */
  readonly wanted = new Set<string>();

  constructor(namer: Namer) {
    this.#namer = namer;
  }

  async symbolize(request: SymbolizeRequest): Promise<SymbolizeResult> {
    const { executable, fd, image } = request;
    // Of executables that were let go several may have one number.
    if (fd < 0 && image === undefined) return this.#namer.symbolize(request);
    const known = this.#answers.get(executable);
    if (known !== undefined) return known;
    const answer = this.#namer.symbolize({ ...request, lookAgain: this.#again.has(executable) });
    this.#answers.set(executable, answer);
    const { wantsDebugInfo } = await answer;
    if (wantsDebugInfo !== undefined) this.wanted.add(wantsDebugInfo);
    return answer;
  }

  kernel(addresses: BigUint64Array): Promise<KernelSymbols> {
    return (this.#kernel ??= this.#namer.kernel(addresses));
  }

  async bound(frames: BoundFrames): Promise<BoundNames | undefined> {
    return this.#namer.bound?.(frames);
  }

  /** These came: whoever wanted them is asked about anew. */
  async arrived(buildIds: ReadonlySet<string>): Promise<void> {
    for (const [executable, answer] of this.#answers) {
      const { wantsDebugInfo } = await answer.catch(() => ({ wantsDebugInfo: undefined })); // it failed, and fails again
      if (wantsDebugInfo === undefined || !buildIds.has(wantsDebugInfo)) continue;
      this.#answers.delete(executable);
      this.#again.add(executable);
    }
    this.wanted.clear();
  }
}
