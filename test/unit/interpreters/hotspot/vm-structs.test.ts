import assert from "node:assert/strict";
import { closeSync, fstatSync, openSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type ByteSource, FileSource, MemorySource } from "#src/elf/byte-source.js";
import { isRefusal } from "#src/elf/elf-file.js";
import { openExports } from "#src/elf/exports.js";
import { parseElf } from "#src/elf/parser.js";
import { findNameLayout } from "#src/interpreters/hotspot/name-layout.js";
import { readVmStructs, type VmStructs } from "#src/interpreters/hotspot/vm-structs.js";
import { hotspotLayouts } from "../../../support/hotspot-layouts.js";
import { installedJdk, JDK_VERSIONS } from "../../../support/jdk.js";
import { withinMs } from "../../../support/fuzz.js";

function structsOf(source: ByteSource): VmStructs | undefined {
  const elf = parseElf(source);
  return isRefusal(elf) ? undefined : readVmStructs(elf, openExports(elf));
}

/** Bytes of a file, some of them others. */
class ChangedSource implements ByteSource {
  readonly size: number;
  readonly failure = undefined;

  constructor(
    private readonly source: ByteSource,
    private readonly changes: readonly { readonly at: number; readonly value: number }[],
  ) {
    this.size = source.size;
  }

  read(offset: number, length: number): Buffer | undefined {
    const bytes = this.source.read(offset, length);
    const changed = this.changes.filter(({ at }) => at >= offset && at < offset + length);
    if (bytes === undefined || changed.length === 0) return bytes;
    const copy = Buffer.from(bytes);
    for (const { at, value } of changed) copy[at - offset] = value;
    return copy;
  }

  readInto(offset: number, target: Uint8Array): number {
    const bytes = this.read(offset, Math.min(target.length, this.size - offset));
    if (bytes !== undefined) target.set(bytes);
    return bytes?.length ?? 0;
  }
}

describe("what a libjvm.so says of its structures", () => {
  for (const version of JDK_VERSIONS) {
    const jdk = installedJdk(version);
    it(`is read from the file: ${version}`, { skip: jdk === undefined && `no JDK ${version} is here` }, () => {
      const fd = openSync(jdk!.library, "r");
      try {
        const vm = structsOf(new FileSource(fd, fstatSync(fd).size));
        assert.ok(vm !== undefined);
        // The same in every version and build so far.
        assert.equal(vm.offset("Method", "_constMethod"), 8);
        assert.equal(vm.offset("PcDesc", "_scope_decode_offset"), 4);
        assert.equal(vm.offset("PcDesc", "_no_such_field"), undefined);
        assert.equal(vm.size("PcDesc"), 16);
        assert.equal(vm.constant("InvocationEntryBci"), -1);
        assert.ok((vm.address("CodeCache", version === 8 ? "_heap" : "_heaps") ?? 0) > 0);
        if (version > 8) assert.equal(vm.int("Abstract_VM_Version", "_vm_major_version"), version);
        const { nmethod, compressedBias } = hotspotLayouts[version];
        const layout = findNameLayout(vm);
        assert.equal(layout?.compressedBias, compressedBias);
        assert.deepEqual(
          [layout?.nmethod.scopes.kind, layout?.nmethod.metadata.kind],
          [nmethod.scopes.kind, nmethod.metadata.kind],
        );
      } finally {
        closeSync(fd);
      }
    });
  }

  const some = JDK_VERSIONS.map(installedJdk).find((jdk) => jdk !== undefined);
  it("may be anything", { skip: some === undefined && "no JDK is here" }, () => {
    const fd = openSync(some!.library, "r");
    try {
      const source = new FileSource(fd, fstatSync(fd).size);
      const elf = parseElf(source);
      assert.ok(!isRefusal(elf));
      const vmStructs = elf.sections.filter(({ name }) =>
        /^\.(dynamic|rela\.dyn|data|dynsym|dynstr|gnu\.hash)$/.test(name),
      );
      const change = fc
        .tuple(
          fc.constantFrom(...vmStructs),
          fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
          fc.nat(255),
        )
        .map(([{ fileOffset, size }, part, value]) => ({ at: fileOffset + Math.floor(part * size), value }));
      const headers = fc.record({ at: fc.nat(0x1000), value: fc.nat(255) });
      fc.assert(
        fc.property(fc.array(fc.oneof(change, headers), { maxLength: 200 }), (changes) => {
          const vm = withinMs(5000, () => structsOf(new ChangedSource(source, changes)));
          if (vm !== undefined) findNameLayout(vm);
        }),
        { numRuns: 20 },
      );
    } finally {
      closeSync(fd);
    }
  });

  it("is nothing in another file", () => {
    assert.equal(structsOf(new MemorySource(new Uint8Array(100))), undefined);
    const fd = openSync(process.execPath, "r");
    try {
      assert.equal(structsOf(new FileSource(fd, fstatSync(fd).size)), undefined);
    } finally {
      closeSync(fd);
    }
  });
});
