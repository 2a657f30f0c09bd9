import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { findDump, isLocalFolder, isRemoteDevice, parseMounts, parseStatus } from "#src/jit/process-facts.js";

const MOUNTS = parseMounts(
  [
    "1 0 0:50 / / rw,relatime shared:1 - overlay overlay rw",
    "2 1 0:51 / /tmp rw - fuse.s3fs s3fs rw",
    "3 1 8:1 / /with\\040space rw - ext4 /dev/sda1 rw",
    "4 1 0:60 / /data rw master:3 propagate_from:2 - nfs4 server:/x rw",
    "5 1 broken",
  ].join("\n"),
);

describe("what /proc tells of a process", () => {
  it("is its own number, the innermost, and its effective user", () => {
    const text = "Name:\tx\\nUid:\t9\t9\t9\t9\nUid:\t1000\t1001\t1002\t1003\nNSpid:\t4711\t17\t1\n";
    assert.deepEqual(parseStatus(text), { ownPid: 1, uid: 1001 });
    assert.deepEqual(parseStatus(readFileSync("/proc/self/status", "latin1")), {
      ownPid: process.pid,
      uid: process.geteuid?.(),
    });
    assert.equal(parseStatus("NSpid:\t1\n"), undefined);
  });

  it("is which file systems lie on this machine", () => {
    assert.equal(isLocalFolder(MOUNTS, "/tmp"), false);
    assert.equal(isLocalFolder(MOUNTS, "/var"), true, "the root's");
    assert.equal(isLocalFolder([], "/tmp"), false);
    assert.equal(isLocalFolder(parseMounts(readFileSync("/proc/self/mountinfo", "latin1")), "/tmp"), true);
    const hidden = parseMounts(
      "1 0 0:1 / / rw - ext4 a rw\n2 1 0:2 / /tmp rw - tmpfs a rw\n3 1 0:3 / /tmp rw - nfs a rw",
    );
    assert.equal(isLocalFolder(hidden, "/tmp"), false, "the last one is on top");
    assert.deepEqual(
      ["0:60", "8:1", "9:9"].map((device) => isRemoteDevice(MOUNTS, device)),
      [true, false, false],
    );
  });

  it("is where a jitdump is mapped: executable, by its own number", () => {
    const maps = [
      "00400000-00401000 r-xp 00000000 fe:00 11 /usr/bin/x/jit-7.dump.not",
      "7f0000000000-7f0000001000 rw-p 00000000 fe:00 12 /tmp/jit-7.dump",
      "00001000-7f0000001000 r-xp 00000000 fe:0a 12 /tmp/a b/jit-7.dump",
    ].join("\n");
    assert.deepEqual(findDump(maps, 7), { range: "1000-7f0000001000", device: "254:10" });
    assert.equal(findDump(maps, 8), undefined);
  });

  it("may be anything", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^([0-9a-f \-\/:xr\n\t]|jit-7\.dump){0,60}$/)), (text) => {
        parseStatus(text);
        isLocalFolder(parseMounts(text), "/tmp");
        findDump(text, 7);
      }),
    );
  });
});
