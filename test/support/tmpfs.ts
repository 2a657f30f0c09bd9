import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** Why there can be none here; false where there can. For `skip`. */
export const noTmpfs = process.getuid?.() === 0 ? false : "needs root";

/** A file system of a test's own, which can be full or read-only. */
export class Tmpfs {
  readonly path: string;

  /** @param size as mount takes it: "1m". */
  constructor(size = "1m") {
    this.path = mkdtempSync(path.join(tmpdir(), "hostflame-tmpfs-"));
    mount("-t", "tmpfs", "-o", `size=${size}`, "none", this.path);
  }

  set readOnly(value: boolean) {
    mount("-o", `remount,${value ? "ro" : "rw"}`, this.path);
  }

  close(): void {
    const { status, stderr } = spawnSync("umount", [this.path], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    rmdirSync(this.path);
  }
}

function mount(...words: readonly string[]): void {
  const { status, stderr } = spawnSync("mount", words, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
}
