import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { DebugFiles, type SearchMemory } from "#src/debugfiles/debug-files.js";
import type { DebugFileCounts } from "#src/debugfiles/outcomes.js";
import { readBuildId } from "#src/elf/build-id.js";
import type { ExecutableSerial } from "#src/model/brand.js";
import { loadNative } from "#src/native/load.js";
import { createResolverCache } from "#src/symbols/cache.js";
import { symbolize } from "#src/symbols/symbolize.js";
import { chainInWords } from "../../support/chain-words.js";
import { openProgram } from "../../support/elf-image.js";
import { cannotRoot, rootedProcess, type RootedProcess } from "../../support/rooted-process.js";
import { buildIdPath, buildStripped, place, WHOLE_CHAIN } from "../../support/stripped-program.js";

const { withPath } = loadNative().addon;
const NOBODY = 2 ** 22 + 1; // past the largest pid that Linux gives

describe("a stripped program's debug file", { skip: cannotRoot() ?? false }, () => {
  const directory = mkdtempSync(join(tmpdir(), "hostflame-debugfiles-"));
  const [root, host, outside] = ["root", "host", "outside"].map((name) => join(directory, name));
  const program = buildStripped(join(directory, "build"));
  const withoutId = buildStripped(join(directory, "without-id"), ["-Wl,--build-id=none"]);
  const other = buildStripped(join(directory, "other"), ["-DOTHER", "-O2"]);
  const byId = buildIdPath(program.buildId);
  const linked = ["/opt/program.debug", "/opt/.debug/program.debug", "/usr/lib/debug/opt/program.debug"];
  let container: RootedProcess;

  before(async () => {
    for (const folder of [root, host, outside]) mkdirSync(folder);
    container = await rootedProcess(root);
  });
  after(async () => {
    await container.end();
    rmSync(directory, { recursive: true, force: true });
  });

  interface Sought {
    readonly stripped?: string;
    readonly pids?: readonly number[];
    readonly path?: string;
    readonly memory?: SearchMemory;
  }

  interface Outcome {
    readonly counts: DebugFileCounts;
    readonly memory: SearchMemory;
    readonly isFound: boolean;
  }

  function seek({ stripped = program.stripped, pids = [container.pid], path, memory }: Sought = {}): Outcome {
    const open = readdirSync("/proc/self/fd").length;
    const elf = openProgram(stripped);
    const seenAt = { pids, path: path ?? join(root, "/opt/program") };
    const files = new DebugFiles(withPath, { hostRoot: host });
    const search = files.open({ elf, buildId: readBuildId(elf), seenAt }, memory);
    const isFound = search.file !== undefined;
    search.close();
    assert.equal(readdirSync("/proc/self/fd").length, open, "descriptors are closed");
    return { counts: search.counts, memory: search.memory, isFound };
  }

  /** The outcome of a search, with what is put into the roots for it and is gone after it. */
  function outcome(put: () => void, sought: Sought = {}): string {
    try {
      put();
      return Object.keys(seek(sought).counts).join();
    } finally {
      clear();
    }
  }

  function clear(): void {
    for (const folder of [root, host]) {
      for (const name of readdirSync(folder)) {
        if (name !== "waiter") rmSync(join(folder, name), { recursive: true, force: true });
      }
    }
  }

  /** A path in a root whose folders are made. */
  function prepared(folder: string, path: string): string {
    const whole = join(folder, path);
    mkdirSync(dirname(whole), { recursive: true });
    return whole;
  }

  it("is found by build id, in the process's root and in this machine's", () => {
    for (const folder of [root, host]) {
      assert.equal(
        outcome(() => place(program.debug, folder, byId)),
        "debug build-id",
      );
    }
  });

  it("is found by debuglink in its three folders, by build id and by CRC", () => {
    for (const { debug, stripped } of [program, withoutId]) {
      for (const path of linked) {
        assert.equal(
          outcome(() => place(debug, root, path), { stripped }),
          "debug debuglink",
        );
      }
    }
  });

  it("is sought in this machine's root in /usr/lib/debug only: the path is a container's", () => {
    const outcomes = linked.map((path) => outcome(() => place(program.debug, host, path)));
    assert.deepEqual(outcomes, ["debug not-found", "debug not-found", "debug debuglink"]);
  });

  it("names functions, inlined ones, and lines", () => {
    for (const { debug, stripped, source, offset } of [program, withoutId]) {
      place(debug, root, linked[0]);
      const fd = openSync(stripped, "r");
      const seenAt = { pids: [container.pid], path: join(root, "/opt/program") };
      const request = { executable: 1 as ExecutableSerial, fd, name: "program", seenAt };
      const files = new DebugFiles(withPath, { hostRoot: host });
      const cache = createResolverCache();
      const ask = (linesBudgetMs: number, lookAgain = false) => {
        const fileOffsets = Float64Array.of(offset);
        const result = symbolize({ ...request, fileOffsets, linesBudgetMs, lookAgain }, cache, files);
        const words = chainInWords(result, result.chainIndices[0]).replaceAll(`${dirname(source)}/`, "");
        return { words, found: result.found, counts: result.debugFiles, provisional: result.provisional[0] };
      };
      const found = { debugfile: 1 };
      const counts = { "debug debuglink": 1 };
      // Where there is no time for lines, the symbol table's name comes first.
      assert.deepEqual(ask(0), { words: "local", found, counts, provisional: 1 });
      assert.deepEqual(ask(Infinity), { words: WHOLE_CHAIN, found, counts, provisional: 0 });
      // Another file in its place, or none, and what was read of this one is forgotten.
      clear();
      assert.deepEqual(ask(Infinity), {
        ...{ words: "", found: {}, counts: { "debug not-found": 1 }, provisional: 0 },
      });
      // When it is back, whoever knows so is told at once.
      place(debug, root, linked[0]);
      assert.deepEqual(ask(Infinity), { words: "", found: {}, counts: {}, provisional: 0 });
      assert.deepEqual(ask(Infinity, true).words, WHOLE_CHAIN);
      clear();
      closeSync(fd);
    }
  });

  it("is not sought again for a while where there is none, unless it was the process that was gone", () => {
    const { memory } = seek();
    assert.ok(memory.missingUntilMs > performance.now());
    assert.deepEqual(seek({ memory }).counts, {});
    place(program.debug, root, byId);
    assert.equal(seek({ memory }).isFound, false);
    assert.equal(seek({ memory: { ...memory, missingUntilMs: performance.now() } }).isFound, true);
    clear();
    const gone = seek({ pids: [NOBODY] });
    assert.deepEqual(gone.counts, { "debug process-gone": 1 });
    assert.ok(gone.memory.missingUntilMs < performance.now());
  });

  it("is found where one of the processes is still there, and this machine's when none is", () => {
    assert.equal(
      outcome(() => place(program.debug, root, byId), { pids: [NOBODY, container.pid] }),
      "debug build-id",
    );
    assert.equal(
      outcome(() => place(program.debug, host, byId), { pids: [NOBODY] }),
      "debug build-id",
    );
  });

  it("has a CRC that is found out once", () => {
    const { stripped, debug } = withoutId;
    const copy = place(debug, root, linked[0]);
    const { memory, isFound } = seek({ stripped });
    assert.ok(isFound);
    // What has changed is looked at again.
    appendFileSync(copy, "x");
    assert.deepEqual(seek({ stripped, memory }).counts, { "debug wrong-crc": 1 });
    clear();
  });

  it("is no file that is not its own", () => {
    const cases: Readonly<Record<string, () => void>> = {
      "debug wrong-build-id": () => place(other.debug, root, byId),
      "debug not-elf": () => {
        writeFileSync(prepared(root, byId), "x".repeat(1000));
      },
      "debug tells-nothing": () => place(program.stripped, root, byId),
    };
    for (const [expected, put] of Object.entries(cases)) assert.equal(outcome(put), expected);
    const { stripped } = withoutId;
    assert.equal(
      outcome(() => place(other.debug, root, linked[0]), { stripped }),
      "debug wrong-crc",
    );
    // The better one behind it is found all the same.
    assert.equal(
      outcome(() => {
        place(other.debug, root, byId);
        place(program.debug, host, byId);
      }),
      "debug build-id",
    );
  });

  it("is no pipe, device, folder, nor what is too large", () => {
    const debug = prepared(root, byId);
    const cases: readonly (readonly [string, () => void])[] = [
      ["debug not-a-file", () => execFileSync("mkfifo", [prepared(root, byId)])],
      ["debug not-a-file", () => execFileSync("mknod", [prepared(root, byId), "c", "1", "5"])],
      ["debug not-a-file", () => mkdirSync(prepared(root, byId))],
      ["debug bad-size", () => writeFileSync(prepared(root, byId), "")],
      [
        "debug bad-size",
        () => {
          copyFileSync(program.debug, prepared(root, byId));
          truncateSync(debug, 17 * 1024 ** 3);
        },
      ],
    ];
    for (const [expected, put] of cases) assert.equal(outcome(put), expected);
  });

  it("is nothing that a link in a container leads to outside of it", () => {
    const target = place(program.debug, outside, "secret.debug");
    for (const link of [target, `../../../../../../../../../../../..${target}`, "/proc/self/root/etc/passwd"]) {
      assert.equal(
        outcome(() => {
          symlinkSync(link, prepared(root, byId));
        }),
        "debug not-found",
        link,
      );
    }
    assert.equal(
      outcome(() => {
        symlinkSync(basename(byId), prepared(root, byId));
      }),
      "debug not-followed",
    );
    // What it leads to inside is found.
    assert.equal(
      outcome(() => {
        place(program.debug, root, "/opt/elsewhere");
        symlinkSync("/../../opt/elsewhere", prepared(root, byId));
      }),
      "debug build-id",
    );
  });

  it("is nothing outside while links change under the search", async () => {
    const folder = prepared(root, "/usr/lib/debug/opt/x");
    rmSync(dirname(folder), { recursive: true });
    place(other.debug, outside, "program.debug");
    place(program.debug, root, "/inside/program.debug");
    const script = `while [ -e "$3" ]; do ln -sfn "$1" "$2"; ln -sfn ../../../../inside "$2"; done`;
    const flag = prepared(directory, "going");
    writeFileSync(flag, "");
    const child = spawn("sh", ["-c", script, "sh", `../../../../../../../../..${outside}`, dirname(folder), flag], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    const seen = new Set<string>();
    // Were the other one opened it would be told by its build id.
    for (const until = performance.now() + 1000; performance.now() < until;) {
      for (const key of Object.keys(seek().counts)) seen.add(key);
      await new Promise(setImmediate);
    }
    rmSync(flag);
    await once(child, "exit");
    clear();
    assert.ok(seen.has("debug debuglink"), [...seen].join());
    assert.ok(!seen.has("debug wrong-build-id"), [...seen].join());
  });

  it("is not sought in what a container has mounted", async () => {
    const mounted = join(directory, "mounted");
    place(program.debug, mounted, byId.slice("/usr/lib/debug".length));
    mkdirSync(join(root, "/usr/lib/debug"), { recursive: true });
    const process = await rootedProcess(root, { at: "/usr/lib/debug", from: mounted });
    try {
      assert.deepEqual(seek({ pids: [process.pid] }).counts, { "debug other-mount": 1 });
    } finally {
      await process.end();
      clear();
    }
    assert.deepEqual(seek({ pids: [process.pid] }).counts, { "debug process-gone": 1 });
  });

  it("is found beside a program of this machine", () => {
    const folder = mkdtempSync("/var/tmp/hostflame-beside-");
    try {
      copyFileSync(program.debug, join(folder, "program.debug"));
      const elf = openProgram(program.stripped);
      const seenAt = { pids: [process.pid], path: join(folder, "program") };
      const search = new DebugFiles(withPath).open({ elf, buildId: program.buildId, seenAt });
      assert.ok(search.file);
      search.close();
      assert.deepEqual(search.counts, { "debug debuglink": 1 });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("where there is no openat2", () => {
  it("nothing is opened, and the reason is told", () => {
    const refuse = () => {
      throw Object.assign(new Error("open a path in a root"), { code: "ENOSYS" });
    };
    const elf = openProgram("/usr/bin/true");
    const search = new DebugFiles(refuse).open({ elf, buildId: "abcdef", seenAt: undefined });
    assert.equal(search.file, undefined);
    search.close();
    assert.deepEqual(search.counts, { "debug not-supported": 1 });
  });
});
