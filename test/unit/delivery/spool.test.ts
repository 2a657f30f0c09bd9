import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { Spool, type SpoolOptions } from "#src/delivery/spool.js";
import { uploadFileHead } from "#src/delivery/upload-file.js";
import { uploadOf } from "../../support/plain-destination.js";
import { noTmpfs, tmpfsOfSuite } from "../../support/tmpfs.js";
import { VirtualClock } from "../../support/virtual-clock.js";

describe("a spool", () => {
  let root = "";
  let number = 0;
  before(() => {
    root = fs.mkdtempSync(path.join(tmpdir(), "hostflame-spool-"));
  });
  after(() => {
    fs.rmSync(root, { recursive: true });
  });

  function make(options: Partial<SpoolOptions> = {}) {
    const directory = options.directory ?? path.join(root, String(number++), "intake");
    const dropped: string[] = [];
    const clock = new VirtualClock();
    const spool = new Spool({
      ...{ directory, maxBytes: 1 << 20, maxUploads: 100, clock, run: 1 },
      dropped: (reason) => dropped.push(reason),
      ...options,
    });
    return { spool, directory, dropped, clock, names: () => fs.readdirSync(directory).sort() };
  }
  const put = (spool: Spool, minute: number, bodyBytes = 100): Promise<boolean> =>
    spool.put(1e12 + minute, uploadOf(minute, bodyBytes), 0);
  const minuteAt = async (spool: Spool, place = 0): Promise<string | undefined> =>
    (await spool.read(spool.at(place)))?.path;

  it("keeps uploads, a file each that only we may read, and gives them back in order", async () => {
    const { spool, directory, names } = make();
    for (const minute of [1, 2, 3]) assert.equal(await put(spool, minute), true);
    await spool.sync();
    assert.deepEqual(
      names(),
      [1, 2, 3].map((minute) => `00100000000000${minute}-00000001-1.upload`),
    );
    assert.equal(fs.statSync(directory).mode & 0o777, 0o700);
    assert.equal(fs.statSync(path.join(directory, names()[0])).mode & 0o777, 0o600);
    assert.equal(
      spool.bytes,
      names().reduce((sum, name) => sum + fs.statSync(path.join(directory, name)).size, 0),
    );
    assert.equal(await minuteAt(spool), "/in?minute=1");
    await spool.remove(spool.at(0));
    assert.equal(await minuteAt(spool), "/in?minute=2");
    assert.equal(names().length, 2);
    assert.equal(spool.problem, undefined);
  });

  it("takes up what an earlier agent left, as old as it is, and clears what it had not finished", async () => {
    const { spool, directory, clock } = make();
    for (const minute of [2, 1]) await spool.put(clock.wallMs() + minute, uploadOf(minute), 0);
    fs.writeFileSync(path.join(directory, "001000000000009-00000001-1.upload.partial"), "half");
    clock.stepWall(3_600_000);
    const next = make({ directory, clock });
    assert.equal(await next.spool.takeUp(), true);
    assert.deepEqual([next.spool.recovered, next.spool.partials, next.names().length], [2, 1, 2]);
    assert.equal(await minuteAt(next.spool), "/in?minute=1");
    assert.equal(clock.monotonicMs() - next.spool.at(0).queuedAtMs, 3_600_000 - 1);
    assert.equal(next.spool.lastSequence, next.spool.at(1).sequence);
  });

  it("takes what comes from the future for new", async () => {
    const { spool, directory, clock } = make();
    await spool.put(clock.wallMs(), uploadOf(1), 0);
    clock.stepWall(-3_600_000);
    const next = make({ directory, clock });
    await next.spool.takeUp();
    assert.equal(next.spool.at(0).queuedAtMs, clock.monotonicMs());
  });

  it("stays within its bytes and its number, the oldest leaving first, but for one that is being sent", async () => {
    const { spool, dropped } = make({ maxBytes: 4000 });
    for (const minute of [1, 2, 3]) await put(spool, minute, 1000);
    spool.hold(spool.at(0));
    await put(spool, 4, 1000);
    assert.deepEqual(dropped, ["spool-full"]);
    assert.deepEqual(await Promise.all([0, 1, 2].map((place) => minuteAt(spool, place))), [
      "/in?minute=1",
      "/in?minute=3",
      "/in?minute=4",
    ]);
    assert.ok(spool.bytes <= 4000);
    const few = make({ maxUploads: 2 });
    for (const minute of [1, 2, 3]) await put(few.spool, minute);
    assert.equal(await minuteAt(few.spool), "/in?minute=2");
    assert.equal(few.names().length, 2);
  });

  it("counts and removes what is not whole, and goes on", async () => {
    const { spool, directory, dropped, names } = make();
    for (const minute of [1, 2, 3, 4]) await put(spool, minute);
    const [torn, rotten, gone] = names().map((name) => path.join(directory, name));
    fs.truncateSync(torn, 200);
    fs.appendFileSync(rotten, "x");
    fs.rmSync(gone);
    assert.equal(await minuteAt(spool), undefined);
    assert.equal(await minuteAt(spool), undefined);
    assert.equal(await minuteAt(spool), undefined);
    assert.equal(await minuteAt(spool), "/in?minute=4");
    assert.deepEqual(dropped, ["corrupt", "corrupt", "vanished"]);
    assert.equal(names().length, 1);
  });

  it("leaves alone what is not its own, and follows no link", async () => {
    const { directory } = make();
    fs.mkdirSync(directory, { recursive: true });
    const secret = path.join(root, "secret");
    const { body, ...rest } = uploadOf(9);
    fs.writeFileSync(secret, Buffer.concat([uploadFileHead({ ...rest, body }), body]));
    const ours = (minute: number): string => path.join(directory, `00100000000000${minute}-00000002-1.upload`);
    fs.symlinkSync(secret, ours(1));
    fs.mkdirSync(ours(2));
    spawnSync("mkfifo", [ours(3)]);
    fs.writeFileSync(path.join(directory, "\u202egnp.\n"), "x");
    fs.symlinkSync(secret, path.join(directory, "x.partial"));
    const before = fs.readdirSync(directory).sort();
    const { spool, dropped } = make({ directory });
    assert.equal(await spool.takeUp(), true);
    assert.equal(spool.length, 0);
    assert.deepEqual(fs.readdirSync(directory).sort(), before);
    // Put there after the folder was read.
    assert.equal(await put(spool, 5), true);
    assert.equal(await put(spool, 6), true);
    const [first, second] = [5, 6].map((minute) => path.join(directory, `00100000000000${minute}-00000001-1.upload`));
    fs.rmSync(first);
    fs.symlinkSync(secret, first);
    fs.rmSync(second);
    spawnSync("mkfifo", [second]);
    assert.equal(await minuteAt(spool), undefined);
    assert.equal(await minuteAt(spool), undefined);
    assert.deepEqual(dropped, ["corrupt", "corrupt"]);
    assert.ok(fs.existsSync(secret));
  });

  it("is not led elsewhere by a link in its place, nor stopped by a file", async () => {
    const { spool, directory } = make();
    const elsewhere = fs.mkdtempSync(path.join(root, "elsewhere-"));
    fs.mkdirSync(path.dirname(directory), { recursive: true });
    fs.symlinkSync(elsewhere, directory);
    assert.equal(await put(spool, 1), false);
    assert.equal(spool.problem, "not-a-folder");
    fs.rmSync(directory);
    fs.writeFileSync(directory, "a file");
    assert.equal(await put(spool, 1), false);
    assert.equal(spool.problem, "not-a-folder");
    fs.rmSync(directory);
    assert.equal(await put(spool, 1), true);
    assert.equal(spool.problem, undefined);
    assert.deepEqual(fs.readdirSync(elsewhere), []);
  });

  it("comes back when its folder vanishes; what was in it is counted when its turn comes", async () => {
    const { spool, directory, dropped, names } = make();
    await put(spool, 1);
    fs.rmSync(directory, { recursive: true });
    assert.equal(await put(spool, 2), true);
    assert.equal(names().length, 1);
    assert.equal(await minuteAt(spool), undefined);
    assert.equal(await minuteAt(spool), "/in?minute=2");
    assert.deepEqual(dropped, ["vanished"]);
  });

  it("shares its folder with another agent without overwriting anything", async () => {
    const { spool, directory, names } = make();
    const other = make({ directory, run: 2 });
    await Promise.all([spool.takeUp(), other.spool.takeUp()]);
    await put(spool, 1);
    await put(other.spool, 1);
    assert.equal(names().length, 2);
  });

  describe("on a file system of its own", { skip: noTmpfs }, () => {
    const tmpfs = tmpfsOfSuite();

    it("that is full, says so, leaves nothing half written, and recovers", async () => {
      const { spool, names } = make({ directory: path.join(tmpfs.path, "full"), maxBytes: 1 << 30 });
      for (const minute of [1, 2, 3]) assert.equal(await put(spool, minute, 300_000), true);
      assert.equal(await put(spool, 4, 300_000), false);
      assert.equal(spool.problem, "disk-full");
      assert.equal(names().length, 3);
      await spool.remove(spool.at(0));
      assert.equal(await put(spool, 4, 300_000), true);
      assert.equal(spool.problem, undefined);
      assert.equal(await minuteAt(spool), "/in?minute=2");
    });

    it("that becomes read-only, still gives what it has, and removes what was sent when it can", async () => {
      for (const name of fs.readdirSync(tmpfs.path)) fs.rmSync(path.join(tmpfs.path, name), { recursive: true });
      const { spool, names } = make({ directory: path.join(tmpfs.path, "ro") });
      await put(spool, 1);
      await put(spool, 2);
      tmpfs.setReadOnly(true);
      assert.equal(await put(spool, 3), false);
      assert.equal(spool.problem, "read-only");
      assert.equal(await minuteAt(spool), "/in?minute=1");
      await spool.remove(spool.at(0));
      assert.equal(names().length, 2);
      assert.equal(spool.length, 1);
      tmpfs.setReadOnly(false);
      await spool.remove(spool.at(0));
      assert.deepEqual(names(), []);
    });
  });
});
