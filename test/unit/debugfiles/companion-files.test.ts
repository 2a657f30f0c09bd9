import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { DebugFiles, type DebugFileSearch } from "#src/debugfiles/debug-files.js";
import { lookUpLines } from "#src/debuginfo/debug-info.js";
import { readBuildId } from "#src/elf/build-id.js";
import { loadNative } from "#src/native/load.js";
import { buildInlined } from "../../fixtures/inlined/build.js";
import { compareLines } from "../../support/compare-lines.js";
import { dwzCommand } from "../../support/dwz.js";
import { openProgram } from "../../support/elf-image.js";
import { randomAddresses } from "../../support/random-addresses.js";
import { cannotRoot, rootedProcess, type RootedProcess } from "../../support/rooted-process.js";
import { buildIdPath, place } from "../../support/stripped-program.js";

const { addon } = loadNative();
const dwz = dwzCommand();

describe("files that debug information refers to", { skip: cannotRoot() ?? false }, () => {
  const directory = mkdtempSync(join(tmpdir(), "hostflame-companionfiles-"));
  const [root, host] = ["root", "host"].map((name) => join(directory, name));
  let container: RootedProcess;

  before(async () => {
    for (const folder of [root, host]) mkdirSync(folder);
    container = await rootedProcess(root);
  });
  after(async () => {
    await container.end();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Of a program that lies in the root under /opt. */
  function searched<Result>(program: string, work: (search: DebugFileSearch) => Result): Result {
    const open = readdirSync("/proc/self/fd").length;
    const files = new DebugFiles((...words) => addon.withPath(...words), { hostRoot: host });
    const elf = openProgram(program);
    const seenAt = { pids: [container.pid], path: join(root, "opt", basename(program)) };
    const search = files.open({ elf, buildId: readBuildId(elf), seenAt });
    try {
      return work(search);
    } finally {
      search.close();
      assert.equal(readdirSync("/proc/self/fd").length, open, "descriptors are closed");
    }
  }

  /** Where there are none, lines are told, and nothing of what was inlined. */
  function assertAlone(program: string, whole: string): void {
    const addresses = randomAddresses(openProgram(whole), 500);
    const limits = { deadlineMs: Infinity, maxInflatedBytes: 1 << 28 };
    const answers = searched(program, ({ companions }) => {
      return lookUpLines(openProgram(program), addresses, { ...limits, companions });
    });
    assert.ok(answers.filter(({ lines }) => (lines.at(0)?.line ?? 0) > 0).length > 300);
    assert.ok(answers.every(({ lines }) => lines.length <= 1));
  }

  describe("of dwz", { skip: dwz === undefined && "there is no dwz, and no Debian package of it" }, () => {
    const folder = join(directory, "dwz");
    /** Debug files as Debian and Fedora lay them out, with what they share in a file of its own. */
    function laidOut(): { readonly whole: string; readonly stripped: string; readonly debug: string } {
      mkdirSync(folder);
      const programs = ["one", "two"].map((name, at) => {
        const whole = join(folder, name);
        buildInlined("g++", 5, whole, ["-Wl,--build-id=sha1", `-O${2 - at}`]);
        const stripped = join(folder, `${name}-stripped`);
        execFileSync("objcopy", ["--strip-all", whole, stripped]);
        const debug = join(root, buildIdPath(readBuildId(openProgram(whole))));
        mkdirSync(dirname(debug), { recursive: true });
        execFileSync("objcopy", ["--only-keep-debug", whole, debug]);
        return { whole, stripped, debug };
      });
      const shared = join(root, "/usr/lib/debug/.dwz/shared.debug");
      mkdirSync(dirname(shared), { recursive: true });
      const debugs = programs.map(({ debug }) => debug);
      execFileSync(dwz!, ["-m", shared, "-M", "../../.dwz/shared.debug", ...debugs]);
      return programs[0];
    }

    it("are found by the path that the debug file tells, by build id, and through links", () => {
      const { whole, stripped, debug } = laidOut();
      const shared = join(root, "/usr/lib/debug/.dwz/shared.debug");
      const compare = (expected: string) => {
        searched(stripped, (search) => {
          assert.ok(search.file);
          assert.ok(compareLines(debug, { program: whole, companions: search.companions }) > 500);
          assert.deepEqual(search.counts, { "debug build-id": 1, [`supplementary ${expected}`]: 1 });
        });
      };
      compare("told-path");
      // Fedora's folders of build ids have links to files that lie elsewhere: the path is told from there.
      const elsewhere = join(root, "/usr/lib/debug/opt/deep/one.debug");
      mkdirSync(dirname(elsewhere), { recursive: true });
      renameSync(debug, elsewhere);
      symlinkSync(`../../opt/deep/one.debug`, debug);
      compare("told-path");
      const byId = buildIdPath(readBuildId(openProgram(shared)));
      for (const folder of [root, host]) {
        const copy = place(shared, folder, byId);
        compare("build-id");
        rmSync(copy);
      }
      // One of another build.
      copyFileSync(elsewhere, shared);
      searched(stripped, (search) => {
        assert.ok(search.file);
        const addresses = randomAddresses(openProgram(whole), 100);
        const limits = { deadlineMs: Infinity, maxInflatedBytes: 1 << 28, companions: search.companions };
        lookUpLines(search.file.elf, addresses, limits);
        assert.equal(search.counts["supplementary wrong-build-id"], 1);
      });
    });
  });

  describe("of split DWARF", () => {
    const folder = join(directory, "split");
    const program = join(folder, "program");
    before(() => {
      mkdirSync(folder);
      buildInlined("g++", 5, program, ["-gsplit-dwarf", "-Wl,--build-id=sha1"], folder);
    });
    const inRoot = () =>
      readdirSync(folder)
        .filter((name) => name.endsWith(".dwo"))
        .map((name) => [join(folder, name), name] as const);

    it("are found by the path that the compiler wrote, and beside the executable, in its root", () => {
      assertAlone(program, program);
      for (const [to, outcome] of [
        [folder, "told-path"],
        ["/opt", "beside"],
      ]) {
        const copies = inRoot().map(([file, name]) => place(file, root, join(to, name)));
        assert.equal(copies.length, 1);
        searched(program, (search) => {
          assert.ok(compareLines(program, { companions: search.companions }) > 500);
          assert.deepEqual(search.counts["package not-found"], 1, "one file of all is looked for first");
          assert.deepEqual(Object.keys(search.counts), ["package not-found", `split ${outcome}`]);
        });
        for (const copy of copies) rmSync(copy);
      }
    });

    it("are found where a program of this machine was built", () => {
      const files = new DebugFiles((...words) => addon.withPath(...words));
      const elf = openProgram(program);
      const seenAt = { pids: [process.pid], path: program };
      const search = files.open({ elf, buildId: readBuildId(elf), seenAt });
      assert.ok(compareLines(program, { companions: search.companions }) > 500);
      search.close();
    });

    it("are no files of another build", () => {
      const other = join(directory, "other");
      mkdirSync(other);
      buildInlined("g++", 5, join(other, "program"), ["-gsplit-dwarf", "-O1"], other);
      const copies = inRoot().map(([, name]) => place(join(other, name), root, join(folder, name)));
      assertAlone(program, program);
      for (const copy of copies) rmSync(copy);
    });

    it("are nothing that a name leads to outside of the root", () => {
      searched(program, ({ companions, counts }) => {
        const outside = join(folder, inRoot()[0][1]);
        assert.ok(existsSync(outside));
        const names = [outside, `../../../../../..${outside}`, "..", "", "/", "a\0b", "x".repeat(5000)];
        for (const name of names) assert.equal(companions.split?.(name, "/opt"), undefined, name);
        assert.equal(companions.split?.("program", "relative"), undefined);
        assert.deepEqual(Object.keys(counts).sort(), ["split not-a-file", "split not-found"]);
      });
    });

    it("are open no more than a few at once", () => {
      const names = Array.from({ length: 40 }, (_, at) => `${at}.dwo`);
      const copies = names.map((name) => place(inRoot()[0][0], root, join("/opt", name)));
      const open = readdirSync("/proc/self/fd").length;
      searched(program, ({ companions }) => {
        const elves = names.map((name) => companions.split?.(name, "/opt"));
        assert.ok(readdirSync("/proc/self/fd").length <= open + 20);
        // Of those that were closed nothing is read, least of all another file's bytes.
        assert.equal(elves[0]?.source.read(0, 4), undefined);
        assert.equal(elves.at(-1)?.source.read(1, 3)?.toString(), "ELF");
      });
      for (const copy of copies) rmSync(copy);
    });
  });

  const dwp = ["dwp", "llvm-dwp"].find((command) => spawnSync(command, ["--version"]).status === 0);
  it("are found in one .dwp file, beside the executable", { skip: dwp === undefined && "needs dwp" }, () => {
    const folder = join(directory, "package");
    mkdirSync(folder);
    const program = join(folder, "program");
    // GNU's dwp of binutils 2.40 crashes over DWARF 5.
    buildInlined("g++", 4, program, ["-gsplit-dwarf", "-Wl,--build-id=sha1"], folder);
    execFileSync(dwp!, ["-e", program, "-o", join(folder, "program.dwp")], { cwd: folder });
    searched(program, ({ companions }) => {
      assert.equal(companions.package?.(), undefined);
      place(join(folder, "program.dwp"), root, "/opt/program.dwp");
      assert.ok(companions.package?.()?.sections.some(({ name }) => name === ".debug_cu_index"));
    });
  });
});
