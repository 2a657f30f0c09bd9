import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { buildIdOf } from "#src/debuginfod/build-id-of.js";
import type { DownloadListener } from "#src/debuginfod/downloads.js";
import { openDownloads, type OpenedDownloads } from "#src/debuginfod/open-downloads.js";
import { readServers } from "#src/debuginfod/servers.js";
import { elfWithBuildId } from "../../support/build-id-file.js";
import { openScriptedServer, type Script, type ScriptedServer, servesFiles } from "../../support/debuginfod-server.js";
import { ManualClock } from "../../support/manual-clock.js";
import { noTmpfs, Tmpfs } from "../../support/tmpfs.js";
import { until } from "../../support/until.js";

const HOUR = 3_600_000;
const MIB = 1 << 20;

let directory = "";
let clock = new ManualClock();
const opened: { close(): Promise<void> }[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "hostflame-debuginfod-"));
  clock = new ManualClock();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()));
  rmSync(directory, { recursive: true, force: true });
});

function id(number: number): string {
  return number.toString(16).padStart(40, "0");
}

function filesOf(...numbers: number[]): ReadonlyMap<string, Uint8Array> {
  return new Map(numbers.map((number) => [id(number), elfWithBuildId(id(number), 1000)]));
}

async function serve(script: Script): Promise<ScriptedServer> {
  const server = await openScriptedServer({ script });
  opened.push(server);
  return server;
}

type Heard = readonly [event: keyof DownloadListener, what: string];

interface Tried extends OpenedDownloads {
  readonly heard: readonly Heard[];
  arrived(): readonly string[];
}

function start(urls: readonly string[], its: { directory?: string; debuginfodBytes?: number } = {}): Tried {
  const heard: Heard[] = [];
  const sentence = (text: string): void => assert.match(text, /^\S.*\.$/);
  const { debuginfodBytes = 64 * MIB } = its;
  const downloads = openDownloads({
    servers: readServers(urls).servers,
    limits: { debuginfodBytes, debuginfodFileBytes: debuginfodBytes },
    directory: its.directory ?? directory,
    totalMs: 60_000,
    buildIdOf: (fd) => Promise.resolve(buildIdOf(fd)),
    clock,
    listener: {
      arrived: (buildId) => heard.push(["arrived", buildId]),
      away: (result, detail) => {
        sentence(detail);
        heard.push(["away", result]);
      },
      refused: (result, detail) => {
        sentence(detail);
        heard.push(["refused", result]);
      },
      notKept: (problem, detail) => {
        sentence(detail);
        heard.push(["notKept", problem]);
      },
    },
  });
  opened.push(downloads);
  return { ...downloads, heard, arrived: () => heard.filter(([event]) => event === "arrived").map(([, what]) => what) };
}

/** Whatever has a turn has had it. */
async function quiet({ downloads }: Tried): Promise<void> {
  await until(() => !downloads.isBusy);
}

describe("downloads", () => {
  it("bring what is wanted, once", async () => {
    const server = await serve(servesFiles(filesOf(1, 2, 3)));
    const tried = start([server.url]);
    for (const number of [1, 2, 3, 1, 2]) tried.downloads.want(id(number));
    await quiet(tried);
    assert.deepEqual([...tried.arrived()].sort(), [id(1), id(2), id(3)]);
    tried.downloads.want(id(1));
    await quiet(tried);
    assert.equal(server.asked.length, 3);
    assert.equal(tried.downloads.results.get("downloaded"), 3);
    assert.equal(tried.downloads.waiting, 0);
    assert.equal(
      tried.downloads.receivedBytes,
      [...filesOf(1, 2, 3).values()].reduce((sum, { length }) => sum + length, 0),
    );
    assert.deepEqual(readFileSync(join(directory, `${id(1)}.debug`)), filesOf(1).get(id(1)));
  });

  it("are two at once", async () => {
    let now = 0;
    let most = 0;
    const files = filesOf(1, 2, 3, 4, 5, 6);
    const server = await serve((request, response, before) => {
      most = Math.max(most, ++now);
      setTimeout(() => {
        now--;
        servesFiles(files)(request, response, before);
      }, 30);
    });
    const tried = start([server.url]);
    for (const buildId of files.keys()) tried.downloads.want(buildId);
    await quiet(tried);
    assert.equal(tried.arrived().length, 6);
    assert.equal(most, 2);
  });

  it("ask the next server for what one does not have, or sends wrong", async () => {
    const empty = await serve(servesFiles(new Map()));
    const wrong = await serve((_, response) => void response.writeHead(200).end(elfWithBuildId(id(9))));
    const right = await serve(servesFiles(filesOf(1)));
    const tried = start([empty.url, wrong.url, right.url]);
    tried.downloads.want(id(1));
    await quiet(tried);
    assert.deepEqual(tried.arrived(), [id(1)]);
    assert.deepEqual(tried.heard[0], ["refused", "wrong-file"]);
    assert.deepEqual(readdirSync(directory), [`${id(1)}.debug`]);
    assert.equal(tried.downloads.results.get("not-found"), 1);
    assert.equal(tried.downloads.results.get("wrong-file"), 1);
  });

  it("remember for an hour what no server has, over a restart too, but not for other servers", async () => {
    const server = await serve(servesFiles(new Map()));
    const first = start([server.url]);
    first.downloads.want(id(1));
    await quiet(first);
    first.downloads.want(id(1));
    const second = start([server.url]);
    second.downloads.want(id(1));
    await quiet(second);
    assert.equal(server.asked.length, 1);
    clock.advance(HOUR + 1000);
    first.downloads.want(id(1));
    await quiet(first);
    // On the disk it is by the wall clock, which the file system has of its own.
    assert.ok(server.asked.length <= 2);
    const other = await serve(servesFiles(filesOf(1)));
    const third = start([server.url, other.url]);
    third.downloads.want(id(1));
    await quiet(third);
    assert.deepEqual(third.arrived(), [id(1)]);
  });

  it("leave a server alone that is away, and take up again what waited for it", async () => {
    const server = await serve((_, response) => void response.writeHead(503).end());
    const tried = start([server.url]);
    tried.downloads.want(id(1));
    await quiet(tried);
    for (const number of [2, 3, 4, 5]) tried.downloads.want(id(number));
    await quiet(tried);
    assert.equal(server.asked.length, 1, String(server.asked));
    assert.equal(tried.downloads.waiting, 5);
    assert.deepEqual(tried.downloads.away, [server.url]);
    server.script = servesFiles(filesOf(1, 2, 3, 4, 5));
    clock.advance(60_000);
    tried.downloads.want(id(6));
    await quiet(tried);
    assert.equal(tried.arrived().length, 5);
    assert.deepEqual(tried.downloads.away, []);
    assert.equal(tried.downloads.waiting, 0);
  });

  it("go on with the other server while one is away", async () => {
    const away = await serve((_, response) => void response.writeHead(503, { "retry-after": "600" }).end());
    const well = await serve(servesFiles(filesOf(1, 2)));
    const tried = start([away.url, well.url]);
    for (const number of [1, 2, 3]) tried.downloads.want(id(number));
    await quiet(tried);
    assert.deepEqual([...tried.arrived()].sort(), [id(1), id(2)]);
    // The one that is away may have the third.
    assert.equal(tried.downloads.waiting, 1);
    assert.ok(away.asked.length <= 2);
  });

  it("give up, and say so, what a server that is away was asked for five times", async () => {
    const server = await serve((_, response) => void response.writeHead(500).end());
    const tried = start([server.url]);
    tried.downloads.want(id(1));
    for (let tries = 1; tries <= 8; tries++) {
      await quiet(tried);
      clock.advance(HOUR / 4);
      tried.downloads.want(id(100 + tries));
    }
    await quiet(tried);
    const path = `/buildid/${id(1)}/debuginfo`;
    assert.equal(server.asked.filter((asked) => asked === path).length, 5);
    assert.ok((tried.downloads.givenUp.get("servers-away") ?? 0) >= 1);
  });

  it("rest no server for one file that breaks off", async () => {
    const server = await serve((request, response, before) => {
      if (!request.url!.includes(id(1))) return servesFiles(filesOf(2))(request, response, before);
      response.writeHead(200, { "content-length": 5000 }).write(elfWithBuildId(id(1)));
      setTimeout(() => response.destroy(), 10);
    });
    const tried = start([server.url]);
    tried.downloads.want(id(1));
    await quiet(tried);
    tried.downloads.want(id(2));
    await quiet(tried);
    assert.deepEqual(tried.arrived(), [id(2)]);
    assert.equal(tried.downloads.waiting, 1);
    assert.deepEqual(readdirSync(directory), [`${id(2)}.debug`]);
  });

  it("take no build ID that is none, and not more than there is room for", async () => {
    const server = await serve(() => undefined);
    const tried = start([server.url]);
    for (const wrong of ["", "../../etc/passwd", "AB".repeat(20), "abc", "ab".repeat(65), `${id(1)}/`]) {
      tried.downloads.want(wrong);
    }
    assert.equal(tried.downloads.givenUp.get("malformed"), 6);
    for (let number = 0; number < 2000; number++) tried.downloads.want(id(number));
    assert.equal(tried.downloads.waiting, 1024);
    assert.equal(tried.downloads.givenUp.get("queue-full"), 2000 - 1024);
  });

  it("ask so often in an hour, and no more", async () => {
    const server = await serve(servesFiles(new Map()));
    const tried = start([server.url]);
    for (let number = 0; number < 500; number++) tried.downloads.want(id(number));
    await quiet(tried);
    assert.ok(server.asked.length >= 400 && server.asked.length <= 401, String(server.asked.length));
    clock.advance(30_000);
    tried.downloads.want(id(600));
    await quiet(tried);
    assert.ok(server.asked.length > 405 && server.asked.length < 415, String(server.asked.length));
  });

  it("bring no more in an hour than the folder holds", async () => {
    const files = new Map(Array.from({ length: 20 }, (_, at) => [id(at), elfWithBuildId(id(at), 100_000)] as const));
    const server = await serve(servesFiles(files));
    const tried = start([server.url], { debuginfodBytes: 500_000 });
    for (const buildId of files.keys()) tried.downloads.want(buildId);
    await quiet(tried);
    assert.ok(tried.arrived().length >= 5 && tried.arrived().length <= 6, String(tried.arrived().length));
    // Room is made for what is under way, by as much as it may become: one more or less by the moment.
    const kept = readdirSync(directory).length;
    assert.ok(kept >= 4 && kept * 100_000 <= 500_000, String(kept));
  });

  it("say that a file is there that another of us has brought", async () => {
    const server = await serve(servesFiles(new Map()));
    const tried = start([server.url]);
    writeFileSync(join(directory, `${id(1)}.debug`), elfWithBuildId(id(1)));
    tried.downloads.want(id(1));
    await quiet(tried);
    assert.deepEqual(tried.arrived(), [id(1)]);
    assert.equal(server.asked.length, 0);
  });

  it("rest while the disk is full, and keep nothing of what came", { skip: noTmpfs }, async () => {
    const disk = new Tmpfs("256k");
    try {
      const files = new Map([1, 2, 3].map((number) => [id(number), elfWithBuildId(id(number), MIB)] as const));
      const server = await serve(servesFiles(files));
      const tried = start([server.url], { directory: join(disk.path, "cache") });
      for (const buildId of files.keys()) tried.downloads.want(buildId);
      await quiet(tried);
      assert.ok(server.asked.length <= 2);
      assert.deepEqual(tried.heard[0], ["notKept", "disk-full"]);
      assert.deepEqual(readdirSync(join(disk.path, "cache")), []);
      assert.ok((tried.downloads.givenUp.get("not-kept") ?? 0) >= 1);
      assert.equal(tried.downloads.waiting, 1);
    } finally {
      disk.close();
    }
  });

  it("say what is wrong with the folder", async () => {
    const server = await serve(servesFiles(filesOf(1)));
    writeFileSync(join(directory, "file"), "");
    const tried = start([server.url], { directory: join(directory, "file/cache") });
    tried.downloads.want(id(1));
    await quiet(tried);
    assert.deepEqual(tried.heard, [["notKept", "not-a-folder"]]);
    mkdirSync(join(directory, "x"));
  });

  it("end at once when they are closed, and leave nothing half done", async () => {
    const server = await serve((_, response) => void response.writeHead(200).write(elfWithBuildId(id(1), 10_000)));
    const tried = start([server.url]);
    for (let number = 1; number < 9; number++) tried.downloads.want(id(number));
    await until(() => readdirSync(directory).length === 2);
    const begin = performance.now();
    await tried.close();
    assert.ok(performance.now() - begin < 2000);
    assert.deepEqual(readdirSync(directory), []);
    assert.equal(tried.downloads.results.get("cancelled"), 2);
    tried.downloads.want(id(10));
    assert.equal(tried.downloads.waiting, 0);
  });
});
