import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { findDownloaded } from "#src/debuginfod/find-downloaded.js";
import { elfWithBuildId, numberedBuildId } from "../../support/build-id-file.js";

const directory = mkdtempSync(join(tmpdir(), "hostflame-find-"));
after(() => rmSync(directory, { recursive: true }));

const ID = numberedBuildId(1);
const path = (number: number): string => join(directory, `${numberedBuildId(number)}.debug`);

function isFound(number: number): boolean {
  const fd = findDownloaded(directory, numberedBuildId(number));
  if (fd !== undefined) closeSync(fd);
  return fd !== undefined;
}

describe("a downloaded file", () => {
  it("is found by its build ID, and noted to be in use", () => {
    writeFileSync(path(1), elfWithBuildId(ID), { mode: 0o600 });
    utimesSync(path(1), 1000, 1000);
    const fd = findDownloaded(directory, ID) ?? assert.fail();
    assert.deepEqual(readFileSync(fd), elfWithBuildId(ID));
    closeSync(fd);
    assert.ok(Date.now() - statSync(path(1)).mtimeMs < 60_000);
  });

  it("is not there when nothing is, or the folder is not", () => {
    assert.equal(isFound(99), false);
    assert.equal(findDownloaded(join(directory, "nowhere"), ID), undefined);
    for (const wrong of ["", "..", "../1", "abc", "ABCD"]) assert.equal(findDownloaded(directory, wrong), undefined);
  });

  it("is no link, pipe or folder, and nothing that others may write to", { timeout: 10_000 }, () => {
    symlinkSync(path(1), path(2));
    execFileSync("mkfifo", [path(3)]);
    mkdirSync(path(4));
    writeFileSync(path(5), elfWithBuildId(numberedBuildId(5)));
    chmodSync(path(5), 0o666);
    for (const number of [2, 3, 4, 5]) assert.equal(isFound(number), false, String(number));
  });

  it("is nobody else's", { skip: process.getuid?.() !== 0 ? "needs root" : false }, () => {
    writeFileSync(path(6), elfWithBuildId(numberedBuildId(6)));
    chownSync(path(6), 1234, 1234);
    assert.equal(isFound(6), false);
  });
});
