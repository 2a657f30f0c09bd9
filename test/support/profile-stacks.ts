import type { CodeKind, Profile } from "#src/model/profile.js";

/** A frame of a stack: what runs, and where. An inlined function is one of its own. */
export interface ProfileFrame {
  readonly kind: CodeKind;
  readonly name: string;
  readonly fileName: string;
  readonly line: number;
}

/** The stacks of a profile's threads of that name, root first. */
export function* stacksOf(profile: Profile, comm: string): Generator<{ frames: ProfileFrame[]; count: number }> {
  const { samples, threads, stacks, locations, functions } = profile;
  for (let row = 0; row < samples.length; row++) {
    if (threads[samples.thread[row]].comm !== comm) continue;
    const stack = samples.stack[row];
    const frames: ProfileFrame[] = [];
    for (let at = stacks.offsets[stack + 1] - 1; at >= stacks.offsets[stack]; at--) {
      const { kind, lines } = locations[stacks.locations[at]];
      for (const { functionIndex, line } of [...lines].reverse()) {
        const { name, fileName } = functions[functionIndex];
        frames.push({ kind, name, fileName, line });
      }
    }
    yield { frames, count: samples.count[row] };
  }
}
