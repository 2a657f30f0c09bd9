import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PassingSample } from "#src/capture/passing-sample.js";
import { RuntimeSearch, runtimeAddress } from "#src/interpreters/runtime-search.js";
import { findRuntime } from "#src/interpreters/runtime-table.js";
import { frameKind, outcome as outcomes, runtimeLayout, sampleLayout } from "#src/native/abi.generated.js";

const JVM = "7f3c0a2f4000-7f3c0b000000 r-xp 000f4000 fe:00 131 /usr/lib/jvm/java-17/lib/server/libjvm.so";
const HEADER_OF_IT = "7f3c0a200000-7f3c0a2f4000 r--p 00000000 fe:00 131 /usr/lib/jvm/java-17/lib/server/libjvm.so";
const OTHERS = [
  "55d0c0a00000-55d0c0a01000 r-xp 00000000 fe:00 12 /usr/bin/java",
  "7fffc000-7fffd000 r-xp 0 00:00 0 [vdso]",
];
const START_NS = 5_000_000_000n;

function text(...lines: readonly string[]): string {
  return `${lines.join("\n")}\n`;
}

describe("runtimeAddress", () => {
  for (const [what, maps, address] of [
    ["its code, not its header", text(...OTHERS, HEADER_OF_IT, JVM), 0x7f3c0a2f4000n],
    ["one whose package was replaced meanwhile", text(`${JVM} (deleted)`), 0x7f3c0a2f4000n],
    ["none in a process without one", text(...OTHERS), undefined],
    ["no other file whose name begins like it", text(`${JVM}.1`, JVM.replace("libjvm", "mylibjvm")), undefined],
    ["no folder of that name", text(JVM.replace("libjvm.so", "libjvm.so/other")), undefined],
    ["one behind a folder of that name", text(JVM.replace("server/", "libjvm.so/")), 0x7f3c0a2f4000n],
    ["nothing in memory that calls itself so", text("7f00-8000 r-xp 00000000 00:00 0 [anon:/libjvm.so]"), undefined],
    ["nothing in a line that is cut", JVM.slice(20), undefined],
    ["nothing in no text", "", undefined],
  ] as const) {
    it(`finds ${what}`, () => {
      assert.equal(runtimeAddress(maps), address);
    });
  }
});

/** What the kernel side has noted, and how often a process was looked at. */
function setUp(maps: () => string) {
  const runtimes = new Map<string, Uint8Array>();
  const name = (key: Uint8Array): string => Buffer.from(key).toString("hex");
  const session = {
    updateElement: (_map: string, key: Uint8Array, value: Uint8Array) => void runtimes.set(name(key), value.slice()),
    lookupElement: (_map: string, key: Uint8Array, value: Uint8Array) => {
      const found = runtimes.get(name(key));
      if (found !== undefined) value.set(found);
      return found !== undefined;
    },
  };
  const search = new RuntimeSearch({ session, readMaps: maps });
  return { search, session, runtimes };
}

/** A stack of one frame. */
function sample(kind: number, outcome: number, pid = 77): PassingSample {
  const words = new Uint32Array(sampleLayout.sizeOf / 4);
  words[sampleLayout.pid / 4] = pid;
  new DataView(words.buffer).setBigUint64(sampleLayout.startTimeNs, START_NS, true);
  const frameWords = Uint32Array.of(0x1234, (kind << 28) >>> 0);
  return { words, header: 0, frameWords, start: 0, frames: 1, kernelFrames: 0, outcome };
}

const BROKEN = sample(frameKind.anonymous, outcomes.noFramePointer);

describe("RuntimeSearch", () => {
  it("tells the kernel side where to look, once for many stacks", () => {
    let reads = 0;
    const { search, session, runtimes } = setUp(() => (reads++, text(JVM)));
    for (let i = 0; i < 5; i++) search.sight(BROKEN);
    assert.equal(reads, 1);
    assert.deepEqual(search.counts, { looked: 1, found: 1 });
    const [value] = runtimes.values();
    const view = new DataView(value.buffer);
    assert.equal(view.getBigUint64(runtimeLayout.words, true), 0x7f3c0a2f4000n);
    assert.equal(view.getBigUint64(runtimeLayout.startTimeNs, true), START_NS);
    assert.equal(findRuntime(session, { pid: 77, startTimeNs: START_NS }, frameKind.hotspot), undefined);
  });

  it("asks nothing about stacks that are whole, that end in a file, or whose runtime is known", () => {
    const { search, session, runtimes } = setUp(() => assert.fail("nobody was to look"));
    search.sight(sample(frameKind.anonymous, outcomes.complete));
    search.sight(sample(frameKind.native, outcomes.noFramePointer));
    const known = new Uint8Array(runtimeLayout.sizeOf);
    new DataView(known.buffer).setBigUint64(runtimeLayout.startTimeNs, START_NS, true);
    new DataView(known.buffer).setUint32(runtimeLayout.kind, frameKind.hotspot, true);
    session.updateElement("runtimes", new Uint8Array(Uint32Array.of(77).buffer), known);
    search.sight(BROKEN);
    assert.deepEqual([...runtimes.values()], [known]);
  });

  it("leaves a process as it is whose maps cannot be read, or that has no such file", () => {
    const { search, runtimes } = setUp(() => {
      throw new Error("ESRCH");
    });
    search.sight(BROKEN);
    assert.deepEqual(search.counts, { looked: 1, found: 0 });
    assert.equal(runtimes.size, 0);
  });

  it("reads the maps of so many processes a second only", () => {
    let reads = 0;
    const { search } = setUp(() => (reads++, text(...OTHERS)));
    for (let pid = 1; pid <= 500; pid++) search.sight(sample(frameKind.anonymous, outcomes.noFramePointer, pid));
    assert.ok(reads >= 10 && reads < 20, String(reads));
  });
});
