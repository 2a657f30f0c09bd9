import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import fc from "fast-check";
import { readDebugLink } from "#src/debugfiles/debug-link.js";
import { DebugFiles } from "#src/debugfiles/debug-files.js";
import { buildIdPath } from "#src/debugfiles/places.js";
import { pathFrom, safeBaseName } from "#src/debugfiles/safe-name.js";
import { supplementaryLink } from "#src/debuginfo/debug-file.js";
import { MemorySource } from "#src/elf/byte-source.js";
import { findSection, isRefusal } from "#src/elf/elf-file.js";
import { parseElf } from "#src/elf/parser.js";
import { loadNative } from "#src/native/load.js";
import { openImage, openProgram } from "../../support/elf-image.js";
import { fuzz } from "../../support/fuzz.js";
import { cannotRoot, rootedProcess } from "../../support/rooted-process.js";
import { buildStripped } from "../../support/stripped-program.js";

const { addon } = loadNative();

const directory = mkdtempSync(join(tmpdir(), "hostflame-debuglinks-"));
after(() => rmSync(directory, { recursive: true }));

const { stripped } = buildStripped(directory);
/** The same with a link of dwz, and room in both sections. */
const seed = join(directory, "seed");
const altlink = join(directory, "altlink");
const ROOM = 512;
writeFileSync(altlink, Buffer.alloc(ROOM));
execFileSync("objcopy", ["--remove-section=.gnu_debuglink", stripped, seed]);
for (const name of [".gnu_debuglink", ".gnu_debugaltlink"]) {
  execFileSync("objcopy", ["--add-section", `${name}=${altlink}`, seed]);
}
const image = readFileSync(seed);
const [linkAt, altAt] = [".gnu_debuglink", ".gnu_debugaltlink"].map((name) => {
  return findSection(openImage(image), name)!.fileOffset;
});

const RUNS = 1500;

const pieces = fc.oneof(
  fc.constantFrom(
    "/",
    "..",
    ".",
    "\0",
    "\u00e4",
    "a",
    "proc",
    "self",
    "root",
    "etc/passwd",
    "//",
    " ",
    "\n",
    "x".repeat(300),
  ),
  fc.string({ maxLength: 12 }),
);
const text = fc.array(pieces, { maxLength: 40 }).map((parts) => Buffer.from(parts.join("")));
const contents = fc
  .tuple(fc.oneof(text, fc.uint8Array({ maxLength: ROOM })), fc.uint8Array({ maxLength: 64 }))
  .map(([one, other]) => Buffer.concat([one, Buffer.alloc(1), other]).subarray(0, ROOM));

/** A program whose links say what somebody wants them to say. */
function saying(link: Uint8Array, alt: Uint8Array): Buffer {
  const copy = Buffer.from(image);
  for (const [at, bytes] of [
    [linkAt, link],
    [altAt, alt],
  ] as const) {
    copy.fill(0, at, at + ROOM);
    copy.set(bytes, at);
  }
  return copy;
}

describe("links that lie", () => {
  it("are names of files without folders, or nothing", () => {
    fuzz(
      fc.property(contents, contents, (link, alt) => {
        const elf = openImage(saying(link, alt));
        const found = readDebugLink(elf);
        if (found !== undefined) {
          assert.doesNotMatch(found.name, /[/\0]/);
          assert.ok(found.name !== "." && found.name !== ".." && Buffer.byteLength(found.name) <= 255);
          assert.ok(Number.isInteger(found.crc) && found.crc >= 0 && found.crc < 2 ** 32);
        }
        const other = supplementaryLink(elf);
        if (other !== undefined) {
          const path = pathFrom("/opt", other.name);
          assert.ok(path === undefined || (path.startsWith("/") && !path.includes("\0") && path.length < 4096));
          const byId = buildIdPath(other.buildId);
          if (byId !== undefined) assert.match(byId, /^\/usr\/lib\/debug\/\.build-id\/[0-9a-f]{2}\/[0-9a-f]+\.debug$/);
        }
      }),
      RUNS,
    );
  });

  it("lead nowhere but into the root", { skip: cannotRoot() ?? false }, async () => {
    const root = join(directory, "root");
    for (const folder of ["usr/lib/debug/opt", "opt/.debug", "etc", "tmp"]) {
      mkdirSync(join(root, folder), { recursive: true });
      symlinkSync("/../../../../../../../etc", join(root, folder, "a"));
    }
    const container = await rootedProcess(root);
    let seen = 0;
    const files = new DebugFiles(
      (fd, path, crossMounts, use) =>
        addon.withPath(fd, path, crossMounts, (handle) => {
          seen++;
          const found = readlinkSync(`/proc/self/fd/${handle}`);
          assert.ok(found === root || found.startsWith(`${root}/`), `${JSON.stringify(path)} leads to ${found}`);
          return use(handle);
        }),
      { hostRoot: root },
    );
    const steps = fc.constantFrom("..", ".", "", "a", "etc", "usr", "lib", "debug", "opt", "proc", "self", "root");
    const paths = fc.array(steps, { maxLength: 8 }).map((names) => names.join("/"));
    const compDirs = paths.map((path) => `/${path}`);
    try {
      fuzz(
        fc.property(contents, contents, paths, compDirs, (link, alt, path, compDir) => {
          const elf = openImage(saying(link, alt));
          const told = link.subarray(0, link.indexOf(0)).toString();
          const search = files.open({
            elf,
            buildId: "",
            seenAt: { pids: [container.pid], path: `${root}/opt/program` },
          });
          try {
            assert.equal(search.file, undefined);
            for (const name of [told, path, `/${path}`]) search.companions.split?.(name, compDir);
            search.companions.supplementary?.(supplementaryLink(elf) ?? { name: told, buildId: "abcd" });
            search.companions.package?.();
          } finally {
            search.close();
          }
        }),
        RUNS,
      );
    } finally {
      await container.end();
    }
    assert.ok(seen > 100, `${seen} paths led to something`);
  });

  it("of damaged files give an answer", () => {
    const damage = fc.array(fc.tuple(fc.nat(image.length - 1), fc.nat(255)), { minLength: 1, maxLength: 60 });
    fuzz(
      fc.property(damage, fc.nat(image.length), (changes, length) => {
        const copy = Buffer.from(image);
        for (const [at, value] of changes) copy[at] = value;
        for (const bytes of [copy, copy.subarray(0, length)]) {
          const elf = parseElf(new MemorySource(bytes));
          if (isRefusal(elf)) continue;
          readDebugLink(elf);
          supplementaryLink(elf);
        }
      }),
      RUNS,
    );
  });

  it("of real programs are what readelf says", () => {
    const words = execFileSync("readelf", ["--string-dump=.gnu_debuglink", stripped], { encoding: "utf8" });
    const link = readDebugLink(openProgram(stripped));
    assert.ok(link !== undefined && words.includes(link.name));
    assert.equal(link.name, "program.debug");
  });

  it("are cut to their last part", () => {
    const names = ["a/b", "/etc/passwd", "..", "a/", "", "x".repeat(256), "ä"].map((name) =>
      safeBaseName(Buffer.from(name)),
    );
    assert.deepEqual(names, ["b", "passwd", undefined, undefined, undefined, undefined, "ä"]);
    assert.equal(safeBaseName(Uint8Array.of(0x61, 0xff)), undefined);
  });
});
