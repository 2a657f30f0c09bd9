import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before } from "node:test";

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

/** One for the tests of the suite that this is called in: there before the first, gone after the last. */
export function tmpfsOfSuite(size?: string): Pick<Tmpfs, "path"> & { setReadOnly(value: boolean): void } {
  let tmpfs: Tmpfs | undefined;
  before(() => {
    tmpfs = new Tmpfs(size);
  });
  after(() => {
    tmpfs?.close();
  });
  const present = (): Tmpfs => {
    assert.ok(tmpfs !== undefined, "a tmpfs is there while tests run");
    return tmpfs;
  };
  return {
    get path() {
      return present().path;
    },
    setReadOnly(value) {
      present().readOnly = value;
    },
  };
}

function mount(...words: readonly string[]): void {
  const { status, stderr } = spawnSync("mount", words, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
}
