import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import {
  DELIVERY_DEFAULTS,
  deliverTo,
  type DeliveringExporter,
  type DeliveryOptions,
} from "#src/delivery/deliver-to.js";
import { FIRST_WINDOW_NS, MINUTE_NS, plainDestination, windowOf } from "../../support/plain-destination.js";
import { quietLog } from "../../support/quiet-log.js";
import { ScriptedIntake, type ReceivedUpload } from "../../support/scripted-intake.js";
import { noTmpfs, tmpfsOfSuite } from "../../support/tmpfs.js";
import { until } from "../../support/until.js";
import { VirtualClock } from "../../support/virtual-clock.js";

const MINUTE_MS = 60_000;
const PROFILES = 3;

/** An agent's end of it, on a clock that only the test moves. */
class Scene {
  constructor(
    readonly intake: ScriptedIntake,
    readonly clock: VirtualClock,
    readonly exporter: DeliveringExporter,
  ) {}

  static async open(directory: string, bodyBytes = 2000, options: Partial<DeliveryOptions> = {}): Promise<Scene> {
    const intake = await ScriptedIntake.start();
    return Scene.again(directory, intake, new VirtualClock(), bodyBytes, options);
  }

  static again(
    spoolDirectory: string,
    intake: ScriptedIntake,
    clock: VirtualClock,
    bodyBytes = 2000,
    options: Partial<DeliveryOptions> = {},
  ): Scene {
    const destination = plainDestination(() => intake.address, bodyBytes);
    const modules = { clock, log: quietLog() };
    return new Scene(
      intake,
      clock,
      deliverTo(destination, { ...DELIVERY_DEFAULTS, spoolDirectory, ...options }, modules),
    );
  }

  get waiting(): number {
    const { memory, spool } = this.exporter.status;
    return memory.uploads + spool.uploads;
  }

  async minutes(from: number, to: number): Promise<void> {
    for (let minute = from; minute < to; minute++) {
      await this.exporter.export(windowOf(minute, PROFILES), new AbortController().signal);
      await this.pass(MINUTE_MS);
    }
  }

  async pass(ms: number): Promise<void> {
    const { intake, clock, exporter } = this;
    await clock.pass(ms, () => {
      const { isSending } = exporter.status;
      return intake.hanging > 0 || (!isSending && (clock.sleeping === 1 || this.waiting === 0));
    });
  }

  async close(): Promise<void> {
    await this.exporter.close();
    await this.intake.stop();
    assert.deepEqual(this.intake.objections, []);
  }
}

/** Which window, and which profile of it. */
function nameOf({ startNs, body }: ReceivedUpload): string {
  const minute = Number((startNs - FIRST_WINDOW_NS) / MINUTE_NS);
  return `${minute}.${(body[0] - minute * 31) & 0xff}`;
}

function expected(from: number, to: number): readonly string[] {
  const names: string[] = [];
  for (let minute = from; minute < to; minute++) {
    for (let profile = 0; profile < PROFILES; profile++) names.push(`${minute}.${profile}`);
  }
  return names;
}

describe("an outage", () => {
  let root = "";
  before(() => {
    root = mkdtempSync(path.join(tmpdir(), "hostflame-outage-"));
  });
  after(() => {
    rmSync(root, { recursive: true });
  });

  it("of 30 minutes, of every kind: each window arrives once, in order, with its own times", async () => {
    const directory = path.join(root, "thirty");
    const scene = await Scene.open(directory);
    const { intake, clock, exporter } = scene;
    await scene.minutes(0, 5);
    assert.equal(intake.accepted.length, 5 * PROFILES);
    intake.always = { status: 503 };
    await scene.minutes(5, 12);
    await intake.stop();
    await scene.minutes(12, 20);
    clock.stepWall(3_600_000);
    await scene.minutes(20, 24);
    clock.stepWall(-7_200_000);
    await intake.listen();
    intake.always = { status: 429, retryAfter: "30" };
    await scene.minutes(24, 27);
    intake.always = "reset-early";
    await scene.minutes(27, 32);
    intake.always = "hang";
    await scene.minutes(32, 35);
    assert.equal(exporter.status.spool.uploads, 30 * PROFILES);
    assert.equal(exporter.status.memory.uploads, 0);
    assert.equal(readdirSync(directory).length, 30 * PROFILES);
    assert.ok(exporter.status.spool.oldestAgeMs > 29 * MINUTE_MS);
    intake.always = { status: 202 };
    await scene.minutes(35, 40);
    await until(() => scene.waiting === 0);
    assert.deepEqual(intake.accepted.map(nameOf), expected(0, 40));
    assert.equal(new Set(intake.accepted.map(({ id }) => id)).size, 40 * PROFILES);
    assert.equal(exporter.status.dropped.size, 0);
    assert.equal(exporter.problem, "");
    await scene.close();
    assert.deepEqual(readdirSync(directory), []);
  });

  it("with the agent started anew amid it, by a clock that was set back: the same", async () => {
    const directory = path.join(root, "anew");
    const first = await Scene.open(directory);
    const { intake, clock } = first;
    intake.always = { status: 500 };
    await first.minutes(0, 5);
    await first.exporter.close();
    clock.stepWall(-3_600_000);
    const second = Scene.again(directory, intake, clock);
    await second.minutes(5, 10);
    assert.equal(second.exporter.status.spool.uploads, 10 * PROFILES);
    assert.equal(second.exporter.status.spoolCounts.recovered, 5 * PROFILES);
    intake.always = { status: 202 };
    await second.pass(2 * MINUTE_MS);
    assert.deepEqual(intake.accepted.map(nameOf), expected(0, 10));
    await second.close();
  });

  it("longer than the spool: the oldest windows are lost, each counted, the rest arrive in order", async () => {
    const directory = path.join(root, "long");
    const scene = await Scene.open(directory, 2000, { spoolBytes: 25_000 });
    const { intake, exporter } = scene;
    intake.always = { status: 503 };
    await scene.minutes(0, 10);
    assert.ok(exporter.status.spool.bytes <= 25_000);
    const lost = exporter.status.dropped.get("spool-full")?.uploads ?? 0;
    assert.ok(lost >= 15 && lost < 20, String(lost));
    intake.always = { status: 202 };
    await scene.pass(2 * MINUTE_MS);
    assert.deepEqual(intake.accepted.map(nameOf), expected(0, 10).slice(lost));
    await scene.close();
  });

  it("with a folder that vanishes amid it costs what was in it, counted", async () => {
    const directory = path.join(root, "vanishing");
    const scene = await Scene.open(directory);
    const { intake, exporter } = scene;
    intake.always = { status: 503 };
    await scene.minutes(0, 4);
    rmSync(directory, { recursive: true });
    await scene.minutes(4, 8);
    intake.always = { status: 202 };
    await scene.pass(2 * MINUTE_MS);
    assert.deepEqual(intake.accepted.map(nameOf), expected(4, 8));
    assert.equal(exporter.status.dropped.get("vanished")?.profiles, 4 * PROFILES);
    await scene.close();
  });

  describe("with a file system of a mebibyte", { skip: noTmpfs }, () => {
    const tmpfs = tmpfsOfSuite();

    /** Every upload is accounted for, what arrived is the newest, in order. */
    async function endOf(scene: Scene, minutes: number): Promise<number> {
      const { intake, exporter } = scene;
      intake.always = { status: 202 };
      await scene.pass(3 * MINUTE_MS);
      assert.equal(scene.waiting, 0);
      const all = expected(0, minutes);
      const dropped = [...exporter.status.dropped.values()].reduce((sum, { uploads }) => sum + uploads, 0);
      assert.equal(intake.accepted.length + dropped, all.length);
      assert.deepEqual(intake.accepted.map(nameOf), all.slice(dropped));
      await scene.close();
      return dropped;
    }

    it("full of its own: memory takes what it can, then the oldest leave", async () => {
      const scene = await Scene.open(path.join(tmpfs.path, "own"), 50_000, { memoryBytes: 400_000 });
      scene.intake.always = { status: 503 };
      await scene.minutes(0, 8);
      assert.equal(scene.exporter.status.dropped.size, 0, "a mebibyte on the disk, the rest in memory");
      assert.match(scene.exporter.problem, /own cannot take uploads \(disk-full\); they wait in memory/);
      await scene.minutes(8, 20);
      const { memory, spool } = scene.exporter.status;
      assert.ok(memory.bytes <= 400_000 && spool.bytes <= 1 << 20);
      assert.deepEqual([...scene.exporter.status.dropped.keys()], ["disk-full"]);
      const dropped = await endOf(scene, 20);
      assert.ok(dropped >= 60 - 28 && dropped <= 60 - 24, `${dropped} of 60`);
    });

    it("full of others', then with room again", async () => {
      const hog = path.join(tmpfs.path, "hog");
      const directory = path.join(tmpfs.path, "others");
      mkdirSync(directory);
      assert.throws(() => {
        writeFileSync(hog, Buffer.alloc(2 << 20));
      });
      const scene = await Scene.open(directory, 50_000, { memoryBytes: 400_000 });
      scene.intake.always = { status: 503 };
      await scene.minutes(0, 4);
      assert.equal(scene.exporter.status.dropped.get("disk-full")?.uploads, 4);
      assert.deepEqual(readdirSync(directory), []);
      rmSync(hog);
      await scene.minutes(4, 5);
      assert.equal(scene.exporter.status.memory.uploads, 0);
      assert.equal(scene.exporter.problem.includes("cannot take"), false);
      assert.equal(await endOf(scene, 5), 4);
    });

    it("that is read-only: memory takes what it can; when it can be written again, all goes there", async () => {
      const directory = path.join(tmpfs.path, "read-only");
      const scene = await Scene.open(directory, 50_000, { memoryBytes: 400_000 });
      scene.intake.always = { status: 503 };
      await scene.minutes(0, 1);
      tmpfs.setReadOnly(true);
      await scene.minutes(1, 4);
      const { memory, spool, dropped } = scene.exporter.status;
      assert.deepEqual([spool.uploads, memory.uploads, dropped.get("read-only")?.uploads], [3, 8, 1]);
      tmpfs.setReadOnly(false);
      await scene.minutes(4, 5);
      assert.equal(scene.exporter.status.spool.uploads, 14);
      scene.intake.always = { status: 202 };
      await scene.pass(2 * MINUTE_MS);
      const lost = scene.intake.accepted.map(nameOf);
      assert.deepEqual(
        lost,
        expected(0, 5).filter((name) => name !== "1.0"),
      );
      await scene.close();
    });
  });
});
