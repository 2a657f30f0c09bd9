import assert from "node:assert/strict";
import { closeSync, fstatSync, openSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { FileSource } from "#src/elf/byte-source.js";
import { isRefusal } from "#src/elf/elf-file.js";
import { openExports } from "#src/elf/exports.js";
import { parseElf } from "#src/elf/parser.js";
import { HOTSPOT } from "#src/interpreters/hotspot/detect.js";
import { encodeHotspotLayout } from "#src/interpreters/hotspot/layout.js";
import type { VmStructs } from "#src/interpreters/hotspot/vm-structs.js";
import { hotspotForm, hotspotLayoutLayout, interpreterLayout, limits } from "#src/native/abi.generated.js";
import { fuzz } from "../../../support/fuzz.js";
import { installedJdk, JDK_VERSIONS, type JdkVersion } from "../../../support/jdk.js";

/** As the debuggers of those versions (hotspot/agent, jdk.hotspot.agent) find them, x86-64. */
const KNOWN: Readonly<Record<JdkVersion, Readonly<Record<string, number>>>> = {
  8: { form: hotspotForm.oneHeap | hotspotForm.entryPointer, blobFrameSize: 44, nmethodCompileId: 204, frameBcp: 56 },
  11: { form: 2 | 8 | 16, blobFrameSize: 28, nmethodCompileId: 324, symbolHash: 4, frameBcp: 64 },
  17: { form: 2 | 8 | 16, blobFrameSize: 28, nmethodCompileId: 304, symbolHash: 2, frameBcp: 64 },
  21: { form: 2 | 8 | 16, blobFrameSize: 88, nmethodCompileId: 308, symbolHash: 2, frameBcp: 64 },
  25: { form: hotspotForm.narrow, blobFrameSize: 44, nmethodCompileId: 212, symbolHash: 2, frameBcp: 64 },
};
const WIDE = new Set(["heaps", "interpreter", "callStubReturn"]);

function fieldOf(layout: Uint8Array, field: string): number {
  const view = new DataView(layout.buffer, layout.byteOffset, layout.byteLength);
  const at = hotspotLayoutLayout[field as keyof typeof hotspotLayoutLayout];
  if (WIDE.has(field)) return Number(view.getBigUint64(at, true));
  return field === "form" ? view.getUint32(at, true) : view.getUint16(at, true);
}

/** Tables that say whatever they are told to: of a name, a number, or nothing. */
function tables(say: (name: string) => number | undefined): VmStructs {
  return {
    offset: (type, field) => say(`${type}::${field}`),
    address: (type, field) => say(`&${type}::${field}`),
    size: (type) => say(type),
    constant: say,
    pointee: () => undefined,
    text: () => undefined,
    int: () => undefined,
  };
}

describe("where the walk of a JVM's stacks finds what", () => {
  for (const version of JDK_VERSIONS) {
    const jdk = installedJdk(version);
    it(`is known of JDK ${version}`, { skip: jdk === undefined && `no JDK ${version} is here` }, () => {
      const fd = openSync(jdk!.library, "r");
      try {
        const elf = parseElf(new FileSource(fd, fstatSync(fd).size));
        assert.ok(!isRefusal(elf));
        const finding = HOTSPOT.detect({ elf, exports: openExports(elf) });
        assert.ok(finding !== undefined && "bytes" in finding, JSON.stringify(finding));
        assert.match(finding.version, new RegExp(`^${version}\\b`));
        const layout = finding.bytes.subarray(interpreterLayout.layout);
        for (const [field, value] of Object.entries(KNOWN[version])) assert.equal(fieldOf(layout, field), value, field);
        for (const field of WIDE) assert.ok(fieldOf(layout, field) > 0x100000, field);
      } finally {
        closeSync(fd);
      }
    });
  }

  it("is not known where a table lacks a field", () => {
    const all = tables(() => 16);
    assert.ok(encodeHotspotLayout(all) !== undefined);
    for (const gone of ["CodeBlob::_frame_size", "Method::_constMethod", "nmethod", "&AbstractInterpreter::_code"]) {
      assert.equal(encodeHotspotLayout(tables((name) => (name === gone ? undefined : 16))), undefined, gone);
    }
  });

  it("lies within what the program reads, whatever the tables say", () => {
    const number = fc.oneof(fc.nat(512), fc.constantFrom(-1, 376, 377, 384, 4095, 4096, 2 ** 32, 2 ** 53, NaN, 1.5));
    const said = fc.func(fc.option(number, { nil: undefined, freq: 40 }));
    fuzz(
      fc.property(said, (say) => {
        const layout = encodeHotspotLayout(tables((name) => say(name)));
        if (layout === undefined) return;
        assert.equal(layout.length, hotspotLayoutLayout.sizeOf);
        assert.ok(layout.length <= limits.layoutBytes);
        for (const field of ["blobFrameSize", "nmethodCompileId", "nmethodDeopt", "nmethodDeoptHandle"]) {
          assert.ok(fieldOf(layout, field) + 8 <= limits.hotspotBlobBytes, field);
        }
        assert.ok(fieldOf(layout, "nmethodBytes") <= limits.hotspotBlobBytes);
      }),
      300,
    );
  });
});
