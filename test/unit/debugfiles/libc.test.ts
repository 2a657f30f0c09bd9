import assert from "node:assert/strict";
import { closeSync, openSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { DebugFiles } from "#src/debugfiles/debug-files.js";
import { readBuildId } from "#src/elf/build-id.js";
import { toFileOffset } from "#src/elf/elf-file.js";
import type { ExecutableSerial } from "#src/model/brand.js";
import { loadNative } from "#src/native/load.js";
import { createResolverCache } from "#src/symbols/cache.js";
import { symbolize } from "#src/symbols/symbolize.js";
import { compareLines } from "../../support/compare-lines.js";
import { unpackedPackages } from "../../support/debian-packages.js";
import { byStart, openProgram, readelfFunctions } from "../../support/elf-image.js";
import { randomAddresses } from "../../support/random-addresses.js";
import { buildIdPath } from "../../support/stripped-program.js";

const { addon } = loadNative();
/** libc and the debug files of the very same build. */
const root = unpackedPackages("libc-debug", ["libc6", "libc6-dbg"]);

describe("Debian's libc", { skip: root === undefined && "Debian's packages cannot be had" }, () => {
  const libc = join(
    root ?? "",
    "lib",
    readdirSync(join(root ?? "/", "lib")).find((name) => name.endsWith("-linux-gnu")) ?? "",
    "libc.so.6",
  );

  it("has the lines that llvm-symbolizer reads from its debug file", () => {
    const debug = join(root!, buildIdPath(readBuildId(openProgram(libc))));
    assert.ok(compareLines(debug, { code: libc }) > 100);
  });

  it("is named by its debug file, local functions too", () => {
    const elf = openProgram(libc);
    const addresses = randomAddresses(elf, 4000);
    const fileOffsets = addresses.map((address) => toFileOffset(elf, address)!);
    const fd = openSync(libc, "r");
    const request = { executable: 1 as ExecutableSerial, fd, name: "libc.so.6", fileOffsets };
    const files = new DebugFiles((...words) => addon.withPath(...words), { hostRoot: root! });
    const [alone, helped] = [undefined, files].map((its) =>
      symbolize({ ...request, linesBudgetMs: 60_000 }, createResolverCache(), its),
    );
    closeSync(fd);
    assert.deepEqual(helped.debugFiles, { "debug build-id": 1 });
    const count = ({ unresolved }: typeof helped) => Object.values(unresolved).reduce((sum, more) => sum + more, 0);
    // Without it a third of the code has no name, for its functions are not exported.
    assert.ok(count(alone) > 4 * count(helped) && count(alone) > 800, `${count(alone)} and ${count(helped)}`);
    // What is left aligns functions.
    assert.ok(count(helped) < 0.03 * addresses.length);
    const functions = byStart(readelfFunctions(join(root!, buildIdPath(readBuildId(elf)))));
    let lines = 0;
    for (const [at, chain] of helped.chainIndices.entries()) {
      if (chain < 0 || helped.symbolStarts[at] === 0) continue;
      const { chains } = helped;
      const outermost = chains.offsets[chain + 1] - 1;
      const { systemName } = helped.functions[chains.functions[outermost]];
      const known = functions.get(helped.symbolStarts[at])?.map(({ name }) => name.replace(/@.*/, "")) ?? [systemName];
      assert.ok(known.includes(systemName.replace(/@.*/, "")), `${systemName} is none of ${known.join()}`);
      if (chains.lines[outermost] > 0) lines++;
    }
    assert.ok(lines > 0.9 * addresses.length, `${lines} have lines`);
  });
});
