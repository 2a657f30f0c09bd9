import fc from "fast-check";

import type { CodeKind, Profile } from "#src/model/profile.js";
import { ProfileBuilder } from "./profile-builder.js";

const KINDS: readonly CodeKind[] = ["kernel", "native", "interpreter", "jit"];
const FILES = ["/usr/bin/app", "/lib/libc.so.6", "[vdso]", "[anon]", ""];

/** Names as hostile binaries have them: any characters at all, and the ones that end a line, a tag or a string. */
const name = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("main", "work", "poll", "malloc", "[u8; 16]", "operator<", "a b 12") },
  {
    weight: 1,
    arbitrary: fc.constantFrom("</script>", "'\"`", "\u2028\u2029", "\n;\r", "\u001b[31m", "é漢字🔥", "\ud800"),
  },
  { weight: 1, arbitrary: fc.string({ minLength: 1, maxLength: 12, unit: "binary" }) },
);

const frame = fc.record({
  names: fc.array(name, { minLength: 1, maxLength: 3 }),
  file: fc.constantFrom(...FILES),
  kind: fc.constantFrom(...KINDS),
  line: fc.nat({ max: 3 }),
});

/** Any profile that keeps the contract of src/model/profile.ts, small enough to be shrunk and read. */
export const arbitraryProfile: fc.Arbitrary<Profile> = fc
  .record({
    frames: fc.array(frame, { minLength: 1, maxLength: 12 }),
    samples: fc.array(
      fc.record({
        comm: fc.oneof(fc.constantFrom("app", "", "a;b", "kworker/0:1"), name),
        stack: fc.array(fc.nat({ max: 11 }), { maxLength: 10 }),
        count: fc.integer({ min: 1, max: 4_000_000_000 }),
        weight: fc.oneof(fc.constant(1), fc.integer({ min: 2, max: 255 })),
        pid: fc.nat({ max: 3 }),
        tid: fc.nat({ max: 3 }),
      }),
      { maxLength: 20 },
    ),
    periodNs: fc.oneof(fc.constantFrom(10_101_010, 1e9 / 19, 1_001_001), fc.integer({ min: 1, max: 1e9 })),
  })
  .map(({ frames, samples, periodNs }) => {
    const builder = new ProfileBuilder({ periodNs });
    const locations = frames.map(({ names, file, kind, line }) => {
      return builder.location(names, kind === "kernel" ? "[kernel.kallsyms]" : file, kind, line);
    });
    for (const { comm, stack, count, weight, pid, tid } of samples) {
      const path = stack.map((index) => locations[index % locations.length]);
      // Ticks of equal rows are summed and must stay within 32 bits.
      builder.addFrames(comm, path, Math.ceil(count / weight / samples.length), { pid, tid, weight });
    }
    return builder.build();
  });

/** Ticks of the whole profile. */
export function ticksIn(profile: Profile): number {
  return profile.samples.ticks.reduce((sum, ticks) => sum + ticks, 0);
}

/** Samples of the whole profile. */
export function samplesIn(profile: Profile): number {
  return profile.samples.count.reduce((sum, count) => sum + count, 0);
}
