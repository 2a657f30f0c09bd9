import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  copyFileSync,
  fstatSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { openMapping } from "#src/executables/open.js";
import { ExecutableRegistry } from "#src/executables/registry.js";
import type { FileKey, MappingRecord } from "#src/native/first-sight.js";

const SLEEP = "/bin/sleep";

/** The key that the kernel side would make of a file. */
function keyOf(path: string): FileKey {
  const stat = statSync(path, { bigint: true });
  const bytes = Buffer.alloc(32);
  bytes.writeBigUInt64LE(stat.ino, 0);
  bytes.writeBigUInt64LE(stat.size, 8);
  bytes.writeBigUInt64LE(stat.ctimeNs, 16);
  return { inode: stat.ino, size: stat.size, ctimeNs: stat.ctimeNs, device: 0, generation: 0, bytes };
}

function executableMapping(pid: number, name: string, key: FileKey): MappingRecord {
  const line = readFileSync(`/proc/${pid}/maps`, "utf8")
    .split("\n")
    .find((text) => text.includes(" r-xp ") && text.includes(name));
  assert.ok(line, `${pid} maps ${name}`);
  const [start, end] = line
    .split(" ")[0]
    .split("-")
    .map((address) => parseInt(address, 16));
  return { start, end, fileOffset: parseInt(line.split(" ")[2], 16), key };
}

const mayOpen = process.getuid?.() === 0;

describe("openMapping", { skip: mayOpen ? false : "/proc/PID/map_files needs root" }, () => {
  let directory: string;
  const children: ChildProcess[] = [];

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "hostflame-open-"));
  });
  after(() => {
    for (const child of children) {
      child.kill("SIGKILL");
    }
    rmSync(directory, { recursive: true });
  });

  async function run(name: string): Promise<{ pid: number; path: string; key: FileKey; child: ChildProcess }> {
    const path = join(directory, name);
    copyFileSync(SLEEP, path);
    const child = spawn(path, ["1000"], { stdio: "ignore" });
    children.push(child);
    await once(child, "spawn");
    assert.ok(child.pid);
    return { pid: child.pid, path, key: keyOf(path), child };
  }

  it("opens the mapped file and says its path", async () => {
    const { pid, path, key } = await run("plain");
    const result = openMapping(pid, executableMapping(pid, path, key));
    assert.ok(!("problem" in result), JSON.stringify(result));
    assert.equal(result.path, path);
    assert.equal(fstatSync(result.fd, { bigint: true }).ino, key.inode);
    closeSync(result.fd);
  });

  it("opens a deleted file, and not another that took its path", async () => {
    const { pid, path } = await run("deleted");
    const other = join(directory, "other");
    copyFileSync("/bin/true", other);
    // Unlinking changes ctime: the kernel side sees the new one, as this descriptor does.
    const holder = openMapping(pid, executableMapping(pid, path, keyOf(path)));
    assert.ok(!("problem" in holder));
    unlinkSync(path);
    const stat = fstatSync(holder.fd, { bigint: true });
    renameSync(other, path);
    const key: FileKey = { ...keyOf(path), inode: stat.ino, size: stat.size, ctimeNs: stat.ctimeNs };
    const result = openMapping(pid, executableMapping(pid, path, key));
    assert.ok(!("problem" in result), JSON.stringify(result));
    assert.equal(result.path, path, "(deleted) is taken off");
    assert.equal(fstatSync(result.fd, { bigint: true }).ino, stat.ino);
    closeSync(result.fd);
    closeSync(holder.fd);
  });

  it("refuses a file whose inode, size or change time is not what the kernel side saw", async () => {
    const { pid, path, key } = await run("changed");
    const wrong: FileKey[] = [
      { ...key, inode: key.inode + 1n },
      { ...key, size: key.size + 1n },
      { ...key, ctimeNs: key.ctimeNs + 1n },
    ];
    for (const other of wrong) {
      assert.deepEqual(openMapping(pid, executableMapping(pid, path, other)), { problem: "identity-changed" });
    }
  });

  it("finds the file by its inode when the mapping's bounds have changed", async () => {
    const { pid, path, key } = await run("moved");
    const mapping = executableMapping(pid, path, key);
    const result = openMapping(pid, { ...mapping, end: mapping.end + 4096 });
    assert.ok(!("problem" in result), JSON.stringify(result));
    closeSync(result.fd);
  });

  it("says that the process is gone", async () => {
    const { pid, path, key, child } = await run("gone");
    const mapping = executableMapping(pid, path, key);
    child.kill("SIGKILL");
    await once(child, "exit");
    assert.deepEqual(openMapping(pid, mapping), { problem: "process-gone" });
  });

  it("does not open what is no regular file", () => {
    const key: FileKey = { ...keyOf("/dev/zero"), size: 0n };
    const maps = readFileSync("/proc/self/maps", "utf8");
    assert.ok(maps.length > 0);
    // Our own process maps no device; a range that does not exist must end the same harmless way.
    assert.deepEqual(openMapping(process.pid, { start: 4096, end: 8192, fileOffset: 0, key }), {
      problem: "process-gone",
    });
  });
});

describe("ExecutableRegistry", () => {
  const key = (n: number): FileKey => {
    const bytes = new Uint8Array(32).fill(n);
    return { inode: BigInt(n), size: 1n, ctimeNs: 1n, device: 1, generation: 2, bytes };
  };
  const mapping = (n: number): MappingRecord => ({ start: 4096, end: 8192, fileOffset: 0, key: key(n) });

  it("opens each file once, and counts what it could not open", () => {
    let opened = 0;
    const registry = new ExecutableRegistry(2, (_pid, { key: { inode } }) => {
      opened++;
      return inode === 3n ? { problem: "process-gone" } : { fd: 1000 + opened, path: `/bin/${inode}` };
    });
    const first = registry.sight(1, mapping(1));
    assert.equal(registry.sight(2, mapping(1)), first);
    assert.equal(opened, 1);
    assert.equal(registry.sight(1, mapping(3)), undefined);
    assert.equal(registry.sight(1, mapping(2))?.id, 1);
    assert.equal(registry.sight(1, mapping(4)), undefined);
    assert.deepEqual(
      [...registry.problems],
      [
        ["process-gone", 1],
        ["too-many-executables", 1],
      ],
    );
    assert.equal(registry.find(key(2))?.path, "/bin/2");
  });

  it("gives a file that it may not open an id after some tries, so that it is asked for no more", () => {
    let opened = 0;
    const registry = new ExecutableRegistry(8, () => {
      opened++;
      return { problem: "not-permitted" };
    });
    assert.equal(registry.sight(1, mapping(1)), undefined);
    assert.equal(registry.sight(1, mapping(1)), undefined);
    assert.deepEqual(registry.sight(1, mapping(1))?.content, { kind: "none" });
    assert.equal(registry.sight(1, mapping(1))?.path, "[unreadable]");
    assert.equal(opened, 3);
  });

  it("knows the vDSO without opening anything", () => {
    const registry = new ExecutableRegistry(8, () => assert.fail("opened a file"));
    const vdso: FileKey = { ...key(0), inode: 0n, size: 0n, ctimeNs: 0n, device: 0, generation: 1 };
    const executable = registry.sight(1, { ...mapping(0), key: vdso });
    assert.equal(executable?.path, "[vdso]");
    assert.equal(executable.content.kind, "memory");
    assert.deepEqual([...executable.content.bytes.subarray(0, 4)], [0x7f, 0x45, 0x4c, 0x46]);
  });
});
