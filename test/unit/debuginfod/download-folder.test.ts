import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import fc from "fast-check";
import { DownloadFolder } from "#src/debuginfod/download-folder.js";
import { NotKept } from "#src/debuginfod/failure.js";
import { parseCacheName } from "#src/debuginfod/file-name.js";
import { systemClock } from "#src/util/clock.js";
import { noTmpfs, Tmpfs } from "../../support/tmpfs.js";

const KIB = 1024;
const KEY = "0123456789abcdef";
let directory = "";

beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), "hostflame-debuginfod-")), "cache");
});
afterEach(() => rmSync(join(directory, ".."), { recursive: true }));

function folder(maxBytes = 64 * KIB, its = directory): DownloadFolder {
  return new DownloadFolder({ directory: its, maxBytes, serversKey: KEY, clock: systemClock });
}

/** A build ID, and one that sorts after it. */
function id(number: number): string {
  return number.toString(16).padStart(40, "0");
}

async function put(to: DownloadFolder, buildId: string, bytes: number): Promise<void> {
  const file = to.begin(buildId);
  await file.write(Buffer.alloc(bytes, 1));
  await file.keep();
}

function age(buildId: string, seconds: number): void {
  const time = Date.now() / 1000 - seconds;
  utimesSync(join(directory, `${buildId}.debug`), time, time);
}

const problemOf = (error: unknown): string => (error instanceof NotKept ? error.problem : String(error));

describe("a folder of downloads", () => {
  it("is ours alone, and so is what is in it", async () => {
    await put(folder(), id(1), 10);
    assert.equal(statSync(directory).mode & 0o777, 0o700);
    assert.equal(statSync(join(directory, `${id(1)}.debug`)).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(directory), [`${id(1)}.debug`]);
  });

  it("has a file when it is whole, and not before", async () => {
    const cache = folder();
    const file = cache.begin(id(1));
    assert.equal(file.fd, -1);
    await file.write(Buffer.from("abc"));
    assert.equal(await cache.has(id(1)), false);
    await file.write(Buffer.from("def"));
    await file.keep();
    assert.equal(await cache.has(id(1)), true);
    assert.equal(readFileSync(join(directory, `${id(1)}.debug`), "utf8"), "abcdef");
    assert.equal(cache.bytes, 6);
  });

  it("keeps nothing of what is discarded", async () => {
    const cache = folder();
    const file = cache.begin(id(1));
    await file.write(Buffer.alloc(100));
    await file.discard();
    assert.deepEqual(readdirSync(directory), []);
    assert.equal(cache.bytes, 0);
    await cache.begin(id(2)).discard();
  });

  it("removes what was used least lately to stay within its budget", async () => {
    const cache = folder(30 * KIB);
    for (const [at, seconds] of [
      [1, 100],
      [2, 300],
      [3, 200],
    ]) {
      await put(cache, id(at), 9 * KIB);
      age(id(at), seconds);
    }
    await put(cache, id(4), 9 * KIB);
    assert.deepEqual(
      readdirSync(directory).sort(),
      [1, 3, 4].map((at) => `${id(at)}.debug`),
    );
    assert.equal(cache.evictions, 1);
    assert.ok(cache.bytes <= 30 * KIB);
  });

  it("takes no file that is larger than its budget, told or not", async () => {
    const cache = folder(10 * KIB);
    const told = cache.begin(id(1));
    await assert.rejects(told.expect(10 * KIB + 1), (error) => problemOf(error) === "no-room");
    await told.discard();
    const untold = cache.begin(id(2));
    await untold.write(Buffer.alloc(9 * KIB));
    await assert.rejects(untold.write(Buffer.alloc(2 * KIB)), (error) => problemOf(error) === "no-room");
    await untold.discard();
    assert.deepEqual(readdirSync(directory), []);
  });

  it("counts what is on its way, its own and that of others", async () => {
    const one = folder(20 * KIB);
    const other = folder(20 * KIB);
    const file = one.begin(id(1));
    await file.expect(15 * KIB);
    await file.write(Buffer.alloc(15 * KIB));
    await assert.rejects(put(other, id(2), 6 * KIB), (error) => problemOf(error) === "no-room");
    await file.keep();
    await put(other, id(3), 6 * KIB);
    assert.deepEqual(
      readdirSync(directory).filter((name) => name.endsWith(".debug")),
      [`${id(3)}.debug`],
    );
  });

  it("removes what a writer left that is gone, and nothing that is being written or not ours", async () => {
    mkdirSync(directory);
    const old = Date.now() / 1000 - 3600;
    for (const name of [
      `.${id(1)}.0123456789abcdef.part`,
      `.${id(2)}.0123456789abcdef.part`,
      "notes",
      ".x.part",
      id(3),
    ]) {
      writeFileSync(join(directory, name), "x");
      utimesSync(join(directory, name), old, old);
    }
    writeFileSync(join(directory, `.${id(2)}.0123456789abcdef.part`), "being written");
    await folder().open();
    assert.deepEqual(
      readdirSync(directory).sort(),
      [`.${id(2)}.0123456789abcdef.part`, ".x.part", id(3), "notes"].sort(),
    );
  });

  it("remembers what no server had, for these servers and others of us", async () => {
    const cache = folder();
    assert.equal(await cache.missingSinceMs(id(1)), undefined);
    await cache.noteMissing(id(1));
    const ms = (await folder().missingSinceMs(id(1))) ?? assert.fail();
    assert.ok(ms >= 0 && ms < 60_000, String(ms));
    const others = new DownloadFolder({ directory, maxBytes: KIB, serversKey: "ff", clock: systemClock });
    assert.equal(await others.missingSinceMs(id(1)), undefined);
    await put(cache, id(1), 10);
    assert.deepEqual(readdirSync(directory), [`${id(1)}.debug`]);
  });

  it("is made anew when it is gone", async () => {
    const cache = folder();
    await cache.open();
    rmSync(directory, { recursive: true });
    await put(cache, id(1), 10);
    rmSync(directory, { recursive: true });
    await cache.noteMissing(id(2));
    assert.deepEqual(readdirSync(directory), [`${id(2)}.${KEY}.none`]);
  });

  it("is no link, and nobody else's", async () => {
    mkdirSync(join(directory, "../target"));
    symlinkSync(join(directory, "../target"), directory);
    await assert.rejects(put(folder(), id(1), 10), (error) => problemOf(error) === "not-a-folder");
    assert.deepEqual(readdirSync(join(directory, "../target")), []);
  });

  it("that cannot be written to says why in a sentence", { skip: noTmpfs }, async () => {
    const disk = new Tmpfs("256k");
    try {
      const cache = folder(1024 * KIB, disk.path);
      const file = cache.begin(id(1));
      await assert.rejects(file.write(Buffer.alloc(512 * KIB)), (error) => {
        assert.ok(error instanceof NotKept);
        assert.equal(error.problem, "disk-full");
        assert.match(error.message, /^The folder of downloaded debug files, .*, takes none \(disk-full\); .*\.$/);
        return true;
      });
      await file.discard();
      assert.deepEqual(readdirSync(disk.path), []);
      disk.readOnly = true;
      await assert.rejects(put(cache, id(2), 10), (error) => problemOf(error) === "read-only");
      disk.readOnly = false;
      await put(cache, id(3), 10);
    } finally {
      disk.close();
    }
  });

  it("is shared by two that write at once", async () => {
    const folders = [folder(64 * KIB), folder(64 * KIB)];
    await Promise.all(Array.from({ length: 40 }, (_, at) => put(folders[at % 2], id(at % 10), 2 * KIB)));
    const names = readdirSync(directory);
    assert.equal(names.length, 10, String(names));
    for (const name of names) assert.equal(statSync(join(directory, name)).size, 2 * KIB);
    chmodSync(directory, 0o700);
    assert.ok(existsSync(directory));
  });
});

describe("a name in the folder", () => {
  it("is ours, or nothing", () => {
    assert.deepEqual(parseCacheName(`${id(1)}.debug`), { kind: "debug", buildId: id(1) });
    assert.deepEqual(parseCacheName(`${id(1)}.${KEY}.none`), { kind: "none", buildId: id(1) });
    assert.deepEqual(parseCacheName(`.${id(1)}.${KEY}.part`), { kind: "partial", buildId: id(1) });
    for (const name of [
      ...["", ".", "..", "abc.debug", id(1), `${id(1)}.part`, `.${id(1)}.debug`, `${id(1).toUpperCase()}A.debug`],
      ...[`${"ab".repeat(65)}.debug`, "../abcd.debug", "abcd.debug\n", "ab.debug"],
    ]) {
      assert.equal(parseCacheName(name), undefined, name);
    }
    fc.assert(fc.property(fc.string(), (name) => parseCacheName(name) === undefined || /^[.0-9a-z]+$/.test(name)));
  });
});
