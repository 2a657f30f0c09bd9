import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CgroupId } from "#src/model/cgroup.js";
import type { ExecutableId, ExecutableSerial } from "#src/model/brand.js";
import type { Demangling } from "#src/model/demangling.js";
import { assembleProfile, type NamedExecutable } from "#src/naming/assemble.js";
import type { KnownName } from "#src/naming/known-names.js";
import { LocationTable } from "#src/naming/location-table.js";
import { frameKind } from "#src/native/abi.generated.js";
import { anonymousFrameHigh, nativeFrameHigh } from "#src/native/raw-frame.js";
import { foldedChunks } from "#src/profiles/folded.js";
import { encodePprof } from "#src/profiles/pprof.js";
import { checkValid } from "../../support/check-valid.js";

const KERNEL_HIGH = 0xffffffff;
const id = 3 as ExecutableId;

/** A kernel leaf and its caller, a native frame beyond 4 GiB of its file, and JIT code. */
function table(): LocationTable {
  const words = [
    [0x81000100, KERNEL_HIGH],
    [0x81000200, KERNEL_HIGH],
    [0x20, nativeFrameHigh(id, 2 ** 33 + 0x20)],
    [0x1000, anonymousFrameHigh(0x7f00_0000_1000)],
  ].flat();
  return new LocationTable({
    offsets: Uint32Array.of(0, words.length, words.length + 4),
    words: Uint32Array.from([...words, 0x10, nativeFrameHigh(id, 0x10), 0x20, nativeFrameHigh(id, 2 ** 33 + 0x20)]),
    kernelFrames: Uint32Array.of(2, 0),
    owners: Uint32Array.of(1, 0),
  });
}

describe("LocationTable", () => {
  it("reads frames back, with the kernel's callers inside their calls", () => {
    const locations = table();
    assert.deepEqual([...locations.offsets], [0, 4, 6]);
    assert.deepEqual([...locations.locations], [0, 1, 2, 3, 4, 2], "equal frames are one location");
    assert.equal(locations.address(0), 0xffffffff81000100n);
    assert.equal(locations.address(1), 0xffffffff810001ffn);
    assert.equal(locations.fileOffset(2), 2 ** 33 + 0x20);
    assert.equal(locations.executable(2), id);
    assert.equal(locations.kind(3), frameKind.anonymous);
    assert.equal(locations.address(3), 0x7f0000001000n);
    assert.deepEqual([...locations.kernel()], [0, 1]);
    assert.deepEqual([...(locations.byExecutable().get(id) ?? [])], [4, 2], "in order of file offset");
  });

  it("borrows when a kernel return address ends in zeros", () => {
    const locations = new LocationTable({
      offsets: Uint32Array.of(0, 4),
      words: Uint32Array.of(1, KERNEL_HIGH, 0, KERNEL_HIGH),
      kernelFrames: Uint32Array.of(2),
      owners: Uint32Array.of(0),
    });
    assert.equal(locations.address(1), 0xfffffffeffffffffn);
  });
});

describe("assembleProfile", () => {
  it("names what has a name, shows file and address of the rest, and is valid pprof", () => {
    const locations = table();
    const rows = locations.byExecutable().get(id) ?? new Uint32Array();
    const named: NamedExecutable = {
      path: "/usr/bin/tool",
      baseName: "tool",
      locations: rows,
      result: {
        executable: 3 as ExecutableSerial,
        buildId: "abcd",
        textStart: 0x400000,
        textLimit: 0x401000,
        textFileOffset: 0,
        elfAddresses: Float64Array.of(0x400010, 0x400020),
        chainIndices: Int32Array.of(0, -1),
        reasons: Uint8Array.of(0, 1),
        rangeStarts: Float64Array.of(0x10, 2 ** 33 + 0x20),
        rangeLimits: Float64Array.of(0x11, 2 ** 33 + 0x21),
        chains: {
          offsets: Uint32Array.of(0, 2),
          functions: Uint32Array.of(1, 0),
          lines: Uint32Array.of(7, 21),
        },
        functions: [
          { name: "run()", systemName: "_Z3runv", fileName: "/src/run.cc", startLine: 20 },
          { name: "step()", systemName: "_Z4stepv", fileName: "/src/step.h", startLine: 5 },
        ],
        symbolStarts: Float64Array.of(0x400000, 0),
        unresolved: { "not-covered": 1 },
        found: {},
        provisional: new Uint8Array(2),
        linesMs: 0,
        withoutLines: {},
        debugFiles: {},
      },
    };
    const profile = assembleProfile({
      timeNs: 1n,
      durationNs: 2n,
      periodNs: 3,
      locations,
      executables: new Map([[id, named]]),
      demangling: "full",
      kernel: {
        locations: locations.kernel(),
        names: [{ name: "do_work", systemName: "do_work" }, undefined],
        modules: ["", "nf_tables"],
      },
      bound: [],
      threads: [{ pid: 1, tid: 1, comm: "tool", startTimeNs: 1n, cgroup: 1n as CgroupId }],
      samples: {
        length: 1,
        stack: Uint32Array.of(0),
        thread: Uint32Array.of(0),
        count: Uint32Array.of(5),
        ticks: Uint32Array.of(5),
      },
    });
    const names = profile.locations.map(({ lines, mappingIndex, kind }) => {
      const names = lines.map(({ functionIndex, line }) => {
        const { name, fileName, startLine } = profile.functions[functionIndex];
        return fileName === "" ? name : `${name} ${fileName}:${startLine}:${line}`;
      });
      return `${kind} ${names.join(" < ")} in ${profile.mappings[mappingIndex].fileName}`;
    });
    assert.deepEqual(names, [
      "kernel do_work in [kernel.kallsyms]",
      "kernel kernel+0xffffffff810001ff in [nf_tables]",
      "native tool+0x400020 in /usr/bin/tool",
      "jit [anon]+0x7f0000001000 in [anon]",
      "native step() /src/step.h:5:7 < run() /src/run.cc:20:21 in /usr/bin/tool",
    ]);
    assert.deepEqual(
      profile.mappings.map(({ hasFunctions }) => hasFunctions),
      [true, true, false, false],
    );
    checkValid(encodePprof(profile));
  });

  describe("of kernel functions", () => {
    /** Kernel functions of one stack: `systemName [module]`, and as they are shown. */
    function kernelFunctions(demangling: Demangling, ...known: [name: KnownName | undefined, module: string][]) {
      const words = known.flatMap((_, at) => [0x81000100 + at * 16, KERNEL_HIGH]);
      const locations = new LocationTable({
        offsets: Uint32Array.of(0, words.length),
        words: Uint32Array.from(words),
        kernelFrames: Uint32Array.of(known.length),
        owners: Uint32Array.of(0),
      });
      const profile = assembleProfile({
        ...{ timeNs: 1n, durationNs: 2n, periodNs: 3, locations, demangling, executables: new Map(), bound: [] },
        kernel: {
          locations: locations.kernel(),
          names: known.map(([name]) => name),
          modules: known.map(([, module]) => module),
        },
        threads: [{ pid: 1, tid: 1, comm: "tool", startTimeNs: 1n, cgroup: 1n as CgroupId }],
        samples: {
          length: 1,
          ...{
            stack: Uint32Array.of(0),
            thread: Uint32Array.of(0),
            count: Uint32Array.of(5),
            ticks: Uint32Array.of(5),
          },
        },
      });
      checkValid(encodePprof(profile));
      return profile;
    }

    const plain = (name: string): KnownName => ({ name, systemName: name });
    const rust = { name: "rust_binder::poll::<u8>", systemName: "_RINvCs_11rust_binder4pollhE" };

    it("says which module each is in, keeps those of one name apart, and has a mapping for each module", () => {
      const profile = kernelFunctions(
        "full",
        [plain("do_chain"), "nf_tables"],
        [plain("do_chain"), "ip_tables"],
        [plain("do_chain"), ""],
        [plain("bpf_prog_6deef7357e7b4530_filter"), "bpf"],
        [plain("ftrace_trampoline"), "__builtin__ftrace"],
        [plain("kprobe_insn_page"), "__builtin__kprobes"],
        [rust, "rust_binder"],
      );
      const shown = profile.locations.map(({ lines, mappingIndex }) => {
        const { name, systemName } = profile.functions[lines[0].functionIndex];
        return `${name} ${systemName} ${profile.mappings[mappingIndex].fileName}`;
      });
      assert.deepEqual(shown, [
        "nf_tables!do_chain do_chain [nf_tables]",
        "ip_tables!do_chain do_chain [ip_tables]",
        "do_chain do_chain [kernel.kallsyms]",
        "bpf!bpf_prog_6deef7357e7b4530_filter bpf_prog_6deef7357e7b4530_filter [bpf]",
        "ftrace!ftrace_trampoline ftrace_trampoline [__builtin__ftrace]",
        "kprobes!kprobe_insn_page kprobe_insn_page [__builtin__kprobes]",
        "rust_binder!rust_binder::poll::<u8> _RINvCs_11rust_binder4pollhE [rust_binder]",
      ]);
      const folded = [...foldedChunks(profile)].join("");
      assert.match(folded, /^tool;rust_binder!rust_binder::poll::<u8>_\[k\];kprobes!kprobe_insn_page_\[k\];/);
      assert.match(folded, /;ip_tables!do_chain_\[k\];nf_tables!do_chain_\[k\] 5\n$/);
    });

    it("shows names as it is told to", () => {
      const shown = (demangling: Demangling) =>
        kernelFunctions(demangling, [rust, "rust_binder"], [rust, ""]).functions.map(({ name }) => name);
      assert.deepEqual(shown("full"), ["rust_binder!rust_binder::poll::<u8>", "rust_binder::poll::<u8>"]);
      assert.deepEqual(shown("short"), ["rust_binder!rust_binder::poll::<...>", "rust_binder::poll::<...>"]);
      assert.deepEqual(shown("none"), ["rust_binder!_RINvCs_11rust_binder4pollhE", "_RINvCs_11rust_binder4pollhE"]);
    });
  });
});
