import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import type { Exporter } from "#src/exporters/exporter.js";
import { openFileExporter, sanitize } from "#src/exporters/file.js";
import type { LabelledProfile, ProfileBatch } from "#src/model/labelled-profile.js";
import type { Profile } from "#src/model/profile.js";
import { noTmpfs, tmpfsOfSuite } from "../../support/tmpfs.js";

const MINUTE = 60_000_000_000n;
const go = (): AbortSignal => new AbortController().signal;

/** A batch of the given minute; services by name, or name and container. */
function batch(minute: number, ...services: readonly (string | readonly [string, string])[]): ProfileBatch {
  const endNs = BigInt(Date.parse("2026-11-21T12:00:00Z")) * 1_000_000n + BigInt(minute) * MINUTE;
  const profiles = services.map((each): LabelledProfile => {
    const [service, container] = typeof each === "string" ? [each, undefined] : each;
    const labels = new Map(container === undefined ? [] : [["container", container]]);
    return { service, env: "", version: "", labels, profile: {} as Profile };
  });
  return { startNs: endNs - MINUTE, endNs, profiles };
}

describe("a folder of profiles", () => {
  let root = "";
  let number = 0;
  before(() => {
    root = mkdtempSync(path.join(tmpdir(), "hostflame-file-"));
  });
  after(() => {
    rmSync(root, { recursive: true });
  });

  function make(maxBytes = 1 << 20, size = 1000, directory = path.join(root, String(number++), "profiles")) {
    const exporter = openFileExporter({ directory, maxBytes, encode: () => Promise.resolve(new Uint8Array(size)) });
    return { exporter, directory, names: () => readdirSync(directory).sort() };
  }

  it("is made when it is opened, before there is any profile", async () => {
    const { exporter, names } = make();
    assert.equal(await exporter.open?.(), undefined);
    assert.deepEqual(names(), []);
    assert.equal((await exporter.export(batch(1, "a"), go())).exported, 1);
  });

  it("says at once what stands in its place, and takes profiles as soon as it can", async () => {
    const { exporter, directory } = make();
    mkdirSync(path.dirname(directory), { recursive: true });
    writeFileSync(directory, "a file");
    assert.equal(await exporter.open?.(), "not-a-folder");
    rmSync(directory);
    assert.equal((await exporter.export(batch(1, "a"), go())).exported, 1);
  });

  it("is made, and gets a file for each profile", async () => {
    const { exporter, names, directory } = make();
    const result = await exporter.export(batch(1, "shop", ["shop", "web"], ["shop", "web"]), go());
    assert.deepEqual(result, { exported: 3, bytes: 3000, failed: {} });
    assert.deepEqual(names(), [
      "20261121T120100Z-shop-host.pb.gz",
      "20261121T120100Z-shop-web-2.pb.gz",
      "20261121T120100Z-shop-web.pb.gz",
    ]);
    assert.equal(statSync(path.join(directory, names()[0])).mode & 0o007, 0, "others may not read it");
  });

  it("overwrites none, also when two windows end within a second", async () => {
    const { exporter, names } = make();
    await exporter.export(batch(1, "a"), go());
    await exporter.export(batch(1, "a", "a"), go());
    assert.equal(names().length, 3);
  });

  it("stays within its bytes, the oldest files going first, and leaves what is not ours", async () => {
    const { exporter, directory, names } = make(3500);
    mkdirSync(directory, { recursive: true });
    for (const name of ["notes.txt", "a.pb.gz", "20261121T120000Z-x.pb.gz.bak"]) {
      writeFileSync(path.join(directory, name), Buffer.alloc(9000));
    }
    for (const minute of [1, 2, 3, 4, 5]) await exporter.export(batch(minute, "s"), go());
    assert.deepEqual(names(), [
      "20261121T120000Z-x.pb.gz.bak",
      "20261121T120300Z-s-host.pb.gz",
      "20261121T120400Z-s-host.pb.gz",
      "20261121T120500Z-s-host.pb.gz",
      "a.pb.gz",
      "notes.txt",
    ]);
  });

  it("counts what an earlier agent left, and clears what it left half written", async () => {
    const { exporter, directory, names } = make(2500);
    mkdirSync(directory, { recursive: true });
    writeFileSync(path.join(directory, "20200101T000000Z-old-host.pb.gz"), Buffer.alloc(2000));
    writeFileSync(path.join(directory, ".20200101T000000Z-old-host.pb.gz.tmp"), Buffer.alloc(2000));
    await exporter.export(batch(1, "new"), go());
    assert.deepEqual(names(), ["20261121T120100Z-new-host.pb.gz"]);
  });

  it("refuses a profile that is larger than all of its room", async () => {
    const { exporter, names } = make(500);
    assert.deepEqual((await exporter.export(batch(1, "s"), go())).failed, { "too-large": 1 });
    mkdirSync(path.join(root, "x"), { recursive: true });
    assert.throws(names, /ENOENT/);
  });

  it("ends at once when it is told to, and says so of the rest", async () => {
    const { exporter } = make();
    const result = await exporter.export(batch(1, "a", "b"), AbortSignal.abort());
    assert.deepEqual(result, { exported: 0, bytes: 0, failed: { aborted: 2 } });
  });

  it("counts an encoder's failure", async () => {
    const exporter = openFileExporter({ directory: root, maxBytes: 1, encode: () => Promise.reject(new Error("no")) });
    assert.deepEqual((await exporter.export(batch(1, "a"), go())).failed, { "encoding-failed": 1 });
  });

  it("comes back when the folder is removed, and says what stands in its place", async () => {
    const { exporter, directory, names } = make();
    await exporter.export(batch(1, "a"), go());
    rmSync(directory, { recursive: true });
    assert.equal((await exporter.export(batch(2, "a"), go())).exported, 1);
    assert.deepEqual(names(), ["20261121T120200Z-a-host.pb.gz"]);
    rmSync(directory, { recursive: true });
    writeFileSync(directory, "a file");
    assert.deepEqual((await exporter.export(batch(3, "a"), go())).failed, { "not-a-folder": 1 });
    rmSync(directory);
    assert.equal((await exporter.export(batch(4, "a"), go())).exported, 1);
  });

  it("is not led elsewhere by names", async () => {
    const { exporter, directory, names } = make();
    mkdirSync(directory, { recursive: true });
    symlinkSync("/etc/passwd", path.join(directory, "20261121T120100Z-a-host.pb.gz"));
    await exporter.export(batch(1, "../../../etc/passwd", "a\0b", "\u202egz", "..", "", "x".repeat(5000), "a"), go());
    assert.match(readFileSync("/etc/passwd", "utf8"), /root/);
    assert.equal(names().length, 7);
    for (const name of names()) assert.match(name, /^20261121T120100Z-[\w.-]+\.pb\.gz$/);
  });

  it("has room for any name", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
        const name = sanitize(text);
        return /^[\w.-]{1,80}$/.test(name) && !/^\.+$/.test(name);
      }),
    );
  });

  describe("on a file system of its own", { skip: noTmpfs }, () => {
    const tmpfs = tmpfsOfSuite();

    it("of a mebibyte, keeps the newest that fit; full of others' files, it says so, and recovers", async () => {
      const { exporter, names } = make(1 << 30, 300_000, tmpfs.path);
      for (const minute of [1, 2, 3, 4, 5, 6]) {
        assert.equal((await exporter.export(batch(minute, "s"), go())).exported, 1, String(minute));
      }
      assert.deepEqual(
        names(),
        [4, 5, 6].map((minute) => `20261121T120${minute}00Z-s-host.pb.gz`),
      );
      await emptyOf(exporter, tmpfs.path);
    });

    it("that is read-only, says so, and recovers", async () => {
      for (const name of readdirSync(tmpfs.path)) rmSync(path.join(tmpfs.path, name));
      const { exporter, names } = make(1 << 20, 1000, tmpfs.path);
      tmpfs.setReadOnly(true);
      assert.equal(await make(1 << 20, 1000, tmpfs.path).exporter.open?.(), "read-only");
      assert.deepEqual((await exporter.export(batch(1, "s"), go())).failed, { "read-only": 1 });
      tmpfs.setReadOnly(false);
      assert.equal((await exporter.export(batch(2, "s"), go())).exported, 1);
      assert.equal(names().length, 1);
    });
  });
});

/** Somebody else takes all the room, then gives it back. */
async function emptyOf(exporter: Exporter, directory: string): Promise<void> {
  for (const name of readdirSync(directory)) rmSync(path.join(directory, name));
  const hog = path.join(directory, "hog");
  writeFileSync(hog, Buffer.alloc(900_000));
  assert.deepEqual((await exporter.export(batch(7, "s", "t"), new AbortController().signal)).failed, {
    "disk-full": 2,
  });
  assert.deepEqual(readdirSync(directory), ["hog"], "nothing half written stays");
  rmSync(hog);
  assert.equal((await exporter.export(batch(8, "s"), new AbortController().signal)).exported, 1);
}
