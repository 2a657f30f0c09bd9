import assert from "node:assert/strict";
import { fstatSync, openSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Executable } from "#src/executables/executable.js";
import { ExecutableRegistry } from "#src/executables/registry.js";
import type { FileKey, MappingRecord } from "#src/native/first-sight.js";

function key(n: number): FileKey {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(0, n, true);
  return { inode: BigInt(n), size: 1n, ctimeNs: 1n, device: 1, generation: 2, bytes };
}

const mapping = (n: number): MappingRecord => ({ start: 4096, end: 8192, fileOffset: 0, key: key(n) });
const isOpen = (fd: number): boolean => {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
};

/** Opens real descriptors, so that closing can be seen. */
function openAny(_pid: number, { key: { inode } }: MappingRecord) {
  return { fd: openSync("/dev/null", "r"), path: `/opt/${inode}` };
}

function fdOf({ content }: Executable): number {
  assert.equal(content.kind, "file");
  return content.fd;
}

describe("ExecutableRegistry", () => {
  it("closes what it lets go of, remembers its path for some windows, and meets it afresh", () => {
    const registry = new ExecutableRegistry(8, openAny);
    const first = registry.sight(1, mapping(1))!;
    registry.letGo(first);
    assert.ok(!isOpen(fdOf(first)));
    assert.equal(registry.get(first.id), undefined);
    assert.equal(registry.find(first.key), undefined);
    assert.equal(registry.former(first.id)?.path, "/opt/1");

    const second = registry.sight(1, mapping(1))!;
    assert.notEqual(second.id, first.id);
    assert.notEqual(second.serial, first.serial);
    for (let window = 0; window < 4; window++) {
      assert.equal(registry.former(first.id)?.serial, first.serial);
      registry.nextWindow();
    }
    registry.nextWindow();
    assert.equal(registry.former(first.id), undefined);
    assert.equal(registry.seen, 2);
    registry.close();
    assert.ok(!isOpen(fdOf(second)));
  });

  it("keeps a file open for who holds it, let go or closed meanwhile", () => {
    const registry = new ExecutableRegistry(8, openAny);
    const [one, two] = [registry.sight(1, mapping(1))!, registry.sight(1, mapping(2))!];
    registry.hold(one);
    registry.hold(one);
    registry.hold(two);
    registry.letGo(one);
    registry.release(one);
    assert.ok(isOpen(fdOf(one)));
    registry.release(one);
    assert.ok(!isOpen(fdOf(one)));
    registry.close();
    assert.ok(isOpen(fdOf(two)));
    registry.release(two);
    assert.ok(!isOpen(fdOf(two)));
  });

  it("makes room by whoever lets go, for files and for descriptors", () => {
    let asked = 0;
    let exhausted = false;
    const registry: ExecutableRegistry = new ExecutableRegistry(
      2,
      (pid, sought) => (exhausted ? { problem: "too-many-open-files" } : openAny(pid, sought)),
      () => {
        asked++;
        exhausted = false;
        registry.letGo([...registry.all()][0]);
      },
    );
    for (let n = 0; n < 5; n++) {
      assert.ok(registry.sight(1, mapping(n)));
    }
    assert.equal(asked, 3);
    assert.equal(registry.size, 2);
    registry.letGo([...registry.all()][0]);
    exhausted = true;
    assert.ok(registry.sight(1, mapping(9)), "tried once more");
    assert.deepEqual([...registry.problems], []);
    registry.close();
  });

  it("gives no id that is in use or at rest, round and round", () => {
    const opened = new Set<number>();
    // A million ids by real descriptors would take minutes: none are opened here.
    const registry = new ExecutableRegistry(64, () => ({ problem: "not-permitted" }));
    const live = new Map<number, Executable>();
    const resting: { id: number; window: number }[] = [];
    let next = 0;
    const meet = () => {
      const seen = mapping(next++);
      const met = registry.sight(1, seen) ?? registry.sight(1, seen) ?? registry.sight(1, seen);
      assert.ok(met);
      assert.ok(met.id < 2 ** 20);
      assert.ok(!live.has(met.id));
      assert.ok(!resting.some(({ id }) => id === met.id));
      live.set(met.id, met);
      opened.add(met.serial);
    };
    const first = (meet(), [...live.values()][0]);
    while (next < 2 ** 20 + 1000) {
      while (live.size < 60) {
        meet();
      }
      for (const executable of [...live.values()]) {
        if (executable !== first) {
          registry.letGo(executable);
          live.delete(executable.id);
          resting.push({ id: executable.id, window: registry.window });
        }
      }
      registry.nextWindow();
      while (resting.length > 0 && resting[0].window + 4 < registry.window) {
        resting.shift();
      }
    }
    assert.equal(registry.get(first.id), first, "one that lived all the time");
    assert.equal(opened.size, next, "no serial came twice");
  });

  it("remembers of a long path its end", () => {
    const registry = new ExecutableRegistry(8, () => ({
      fd: openSync("/dev/null", "r"),
      path: `/${"long/".repeat(800)}name`,
    }));
    const executable = registry.sight(1, mapping(1))!;
    registry.letGo(executable);
    const { path } = registry.former(executable.id)!;
    assert.ok(path.length <= 256 && path.endsWith("/name"));
  });

  it("balances its descriptors whatever is met, held, released and let go", () => {
    const steps = fc.array(fc.tuple(fc.constantFrom("meet", "hold", "release", "letGo", "window"), fc.nat(9)), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(steps, (todo) => {
        const opened: number[] = [];
        const registry: ExecutableRegistry = new ExecutableRegistry(
          4,
          (pid, sought) => {
            const result = openAny(pid, sought);
            opened.push(result.fd);
            return result;
          },
          () => {
            registry.letGo([...registry.all()][0]);
          },
        );
        const held: Executable[] = [];
        for (const [step, n] of todo) {
          const executable = registry.find(key(n));
          if (step === "meet") registry.sight(1, mapping(n));
          else if (step === "window") registry.nextWindow();
          else if (step === "release") {
            const one = held.pop();
            if (one !== undefined) registry.release(one);
          } else if (executable !== undefined) {
            if (step === "hold") held.push((registry.hold(executable), executable));
            else registry.letGo(executable);
          }
          for (const one of [...held, ...registry.all()]) assert.ok(isOpen(fdOf(one)));
        }
        registry.close();
        for (const one of held) registry.release(one);
        for (const fd of opened) assert.ok(!isOpen(fd));
      }),
      { numRuns: 100 },
    );
  });
});
