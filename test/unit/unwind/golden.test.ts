import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { MemorySource } from "#src/elf/byte-source.js";
import { convert } from "#src/unwind/convert.js";
import { rowLines } from "../../fixtures/rows-text.js";
import { matchGolden } from "../../support/golden.js";

const directory = mkdtempSync(join(tmpdir(), "hostflame-golden-"));
after(() => rmSync(directory, { recursive: true }));

describe("rows, for a person to read", () => {
  it("of hand-written assembly at known addresses", () => {
    const program = join(directory, "shapes");
    const flags = ["-nostdlib", "-static", "-Wl,-Ttext=0x401000", "-Wl,--build-id=none", "-Wl,-z,noseparate-code"];
    execFileSync("gcc", [...flags, "-o", program, "test/fixtures/frame-shapes.S"]);
    matchGolden(
      "unwind/frame-shapes.txt",
      `${rowLines(convert(new MemorySource(readFileSync(program))).rows).join("\n")}\n`,
    );
  });
});
