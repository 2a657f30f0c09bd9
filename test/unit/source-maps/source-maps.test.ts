import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, describe, it } from "node:test";
import { loadNative } from "#src/native/load.js";
import { SourceMapReader } from "#src/source-maps/answer.js";
import type { SourceMapRequest } from "#src/source-maps/request.js";
import { SourceMaps, type SourceMapsOptions } from "#src/source-maps/source-maps.js";
import { WorkerCalls } from "#src/util/worker-calls.js";
import type { WorkerCallTable } from "#src/worker-calls.js";
import { startTimeNs } from "../../support/proc.js";
import { rootedProcess, type RootedProcess } from "../../support/rooted-process.js";

const skip = process.getuid?.() === 0 ? false : "needs root";
const directory = mkdtempSync(join(tmpdir(), "hostflame-sourcemaps-"));
after(() => rmSync(directory, { recursive: true }));

const MAP = JSON.stringify({ version: 3, sources: ["../src/a.ts"], names: ["longName"], mappings: "AAAA,SAASA,CAAC" });
const SCRIPT = `function a(){}\n/* ${"licence ".repeat(20)}*/\n//# sourceMappingURL=a.js.map\n`;
/** Of the function's parameters. */
const POINT = { lines: Uint32Array.of(1), columns: Uint32Array.of(11) };

/** A container's root, mounted as one: a script in /app/dist, and its map. */
function makeRoot(): string {
  const root = mkdtempSync(join(directory, "root-"));
  for (const folder of ["app/dist", "volume", "tmp"]) mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(join(root, "app/dist/a.js"), SCRIPT);
  writeFileSync(join(root, "app/dist/a.js.map"), MAP);
  return root;
}

const processes: RootedProcess[] = [];
afterEach(async () => {
  for (const one of processes.splice(0)) await one.end();
});

/** A process whose root it is; a root that is no mount of its own is nobody's container. */
async function started(root: string): Promise<{ pid: number; startTimeNs: bigint; end: () => Promise<void> }> {
  const one = await rootedProcess(root, { at: "/", from: root });
  processes.push(one);
  return { pid: one.pid, startTimeNs: startTimeNs(one.pid), end: () => one.end() };
}

function openMaps(options: Partial<SourceMapsOptions> = {}) {
  const reader = new SourceMapReader(loadNative().addon.withPath);
  const requests: SourceMapRequest[] = [];
  const maps = new SourceMaps({
    answer: (request) => {
      requests.push(request);
      return Promise.resolve(reader.answer(request));
    },
    ...{ memoryBytes: 1 << 20, readBytesPerSecond: 0, readBurstBytes: 256 << 20, ...options },
  });
  return { maps, requests, reasons: () => [...maps.missing].filter(([, count]) => count > 0) };
}

/** What comes of the script at that path, and what was counted. */
async function outcomeOf(root: string, script = "/app/dist/a.js") {
  const { maps, reasons } = openMaps();
  const { end, ...key } = await started(root);
  const [place] = await maps.places({ process: key, script, ...POINT });
  maps.close();
  await end();
  return { place, files: [...maps.outcomes.keys()], reasons: reasons().map(([reason]) => reason) };
}

describe("source maps of a process", { skip }, () => {
  it("are found in its own root, by path and by URL", async () => {
    for (const script of ["/app/dist/a.js", "file:///app/dist/a.js?v=1"]) {
      const { place, files, reasons } = await outcomeOf(makeRoot(), script);
      assert.deepEqual(place, { file: "/app/src/a.ts", line: 1, column: 11, name: "longName" });
      assert.deepEqual([files, reasons], [["script read", "map read"], []]);
    }
  });

  it("are asked of the worker thread, for points that are not known yet", async () => {
    const worker = new WorkerCalls<WorkerCallTable>(new URL("../../../../dist/worker.js", import.meta.url), {});
    const { end, ...key } = await started(makeRoot());
    const { maps, requests } = openMaps({
      answer: (request) => {
        requests.push(request);
        return worker.call("sourceMap", request);
      },
    });
    try {
      const points = { lines: Uint32Array.of(1, 1, 1), columns: Uint32Array.of(11, 1, 11) };
      const all = await maps.places({ process: key, script: "/app/dist/a.js", ...points });
      assert.deepEqual(
        all.map((place) => `${place?.column} ${place?.name}`),
        ["11 longName", "1 ", "11 longName"],
      );
      assert.deepEqual([...requests[0].columns], [0, 10]);
      const more = { lines: Uint32Array.of(1, 1), columns: Uint32Array.of(10, 11) };
      await maps.places({ process: key, script: "/app/dist/a.js", ...more });
      await maps.places({ process: key, script: "/app/dist/a.js", ...more });
      assert.deepEqual(
        requests.map(({ columns }) => columns.length),
        [2, 1],
      );
      assert.equal(maps.outcomes.get("map cached"), 1);
    } finally {
      maps.close();
      await worker.close();
      await end();
    }
  });

  it("are found when it has ended, if it was met before; else it is gone", async () => {
    const { end, ...key } = await started(makeRoot());
    const [met, late] = [openMaps(), openMaps()];
    met.maps.sight(key);
    assert.equal(met.maps.processes, 1);
    await end();
    const script = "/app/dist/a.js";
    assert.equal((await met.maps.places({ process: key, script, ...POINT }))[0]?.name, "longName");
    assert.equal((await late.maps.places({ process: key, script, ...POINT }))[0], undefined);
    assert.deepEqual(late.reasons(), [["process-gone", 1]]);
    for (let window = 0; window < 4; window++) met.maps.windowWritten(0);
    assert.equal(met.maps.processes, 0);
    for (const { maps } of [met, late]) maps.close();
  });

  it("are not those of another process that has its number by now", async () => {
    const { pid, startTimeNs: start } = await started(makeRoot());
    const { maps, reasons } = openMaps();
    const key = { pid, startTimeNs: start - 20_000_000n };
    assert.equal((await maps.places({ process: key, script: "/app/dist/a.js", ...POINT }))[0], undefined);
    assert.deepEqual(reasons(), [["pid-reused", 1]]);
    maps.close();
  });

  it("lie in volumes, too", async () => {
    const root = makeRoot();
    const volume = join(makeRoot(), "app");
    const one = await rootedProcess(root, { at: "/", from: root });
    processes.push(one);
    execFileSync("nsenter", ["--mount", `--target=${one.pid}`, "mount", "--bind", volume, join(root, "volume")]);
    const { maps } = openMaps();
    const key = { pid: one.pid, startTimeNs: startTimeNs(one.pid) };
    const [place] = await maps.places({ process: key, script: "/volume/dist/a.js", ...POINT });
    assert.equal(place?.file, "/volume/src/a.ts", JSON.stringify([...maps.outcomes]));
    maps.close();
  });
});

describe("source maps that do not belong to their script", { skip }, () => {
  const cases: readonly (readonly [what: string, spoil: (dist: string) => void, reason: string, file?: string])[] = [
    ["written long before it", (dist) => utimesSync(join(dist, "a.js.map"), 1e9, 1e9), "map-older"],
    [
      "of a longer line",
      (dist) => writeFileSync(join(dist, "a.js.map"), MAP.replace("CAAC", "CAAC,gBAAA")),
      "does-not-fit",
    ],
    [
      "of more than the script",
      (dist) => writeFileSync(join(dist, "a.js"), SCRIPT.slice(SCRIPT.indexOf("\n"))),
      "does-not-fit",
    ],
    [
      "that say nothing of a place",
      (dist) => writeFileSync(join(dist, "a.js.map"), MAP.replace(/AAAA.*CAAC/, ";AAAA")),
      "not-mapped",
    ],
    ["of garbage", (dist) => writeFileSync(join(dist, "a.js.map"), MAP.replace("AAAA", "A!")), "malformed", "map read"],
    ["of no JSON", (dist) => writeFileSync(join(dist, "a.js.map"), "x".repeat(100)), "malformed", "map malformed"],
    ["that are not there", (dist) => rmSync(join(dist, "a.js.map")), "no-map", "map none"],
    ["without their script", (dist) => rmSync(join(dist, "a.js")), "no-script", "script not-found"],
  ];
  for (const [what, spoil, reason, file] of cases) {
    it(`are left alone: ${what}`, async () => {
      const root = makeRoot();
      spoil(join(root, "app/dist"));
      const { place, files, reasons } = await outcomeOf(root);
      assert.equal(place, undefined);
      assert.deepEqual(reasons, [reason], JSON.stringify(files));
      if (file !== undefined) assert.ok(files.includes(file), JSON.stringify(files));
    });
  }

  it("are left alone when the process runs another text than its file has", async () => {
    const { end, ...key } = await started(makeRoot());
    for (const [characters, reason] of [
      [SCRIPT.length, undefined],
      [SCRIPT.length + 1, "other-source"],
    ] as const) {
      const { maps, reasons } = openMaps();
      await maps.places({ process: key, script: "/app/dist/a.js", ...POINT, characters });
      assert.equal(reasons()[0]?.[0], reason);
      maps.close();
    }
    await end();
  });

  it("stay unread when they are said to be on the network", async () => {
    const root = makeRoot();
    writeFileSync(join(root, "app/dist/a.js"), SCRIPT.replace("a.js.map", "http://localhost:1/a.js.map"));
    rmSync(join(root, "app/dist/a.js.map"));
    const { place, files } = await outcomeOf(root);
    assert.equal(place, undefined);
    assert.deepEqual(files, ["script read", "map remote-url", "map none"]);
  });
});

describe("files that a process names to have us read them", { skip }, () => {
  const secret = join(directory, "outside.js");
  const outside: readonly (readonly [what: string, place: (dist: string) => void, file: string])[] = [
    [
      "a link out of its root",
      (dist) => symlinkSync(`../../../../../../../..${secret}`, join(dist, "b.js")),
      "script not-found",
    ],
    ["an absolute link", (dist) => symlinkSync(secret, join(dist, "b.js")), "script not-found"],
    ["a link to itself", (dist) => symlinkSync("b.js", join(dist, "b.js")), "script not-followed"],
    ["a pipe", (dist) => execFileSync("mkfifo", [join(dist, "b.js")]), "script not-a-file"],
    ["a device", (dist) => execFileSync("mknod", [join(dist, "b.js"), "c", "1", "5"]), "script not-a-file"],
    ["a folder", (dist) => mkdirSync(join(dist, "b.js")), "script not-a-file"],
    [
      "what is too large",
      (dist) => (writeFileSync(join(dist, "b.js"), ""), truncateSync(join(dist, "b.js"), 17 << 20)),
      "script too-large",
    ],
  ];
  for (const [what, place, file] of outside) {
    it(`are not read: ${what}`, async () => {
      writeFileSync(secret, SCRIPT);
      writeFileSync(`${secret}.map`, MAP);
      const root = makeRoot();
      place(join(root, "app/dist"));
      assert.deepEqual((await outcomeOf(root, "/app/dist/b.js")).files, [file]);
    });
  }

  it("are not read: a map that is a pipe, and one that is too large", async () => {
    for (const [command, file] of [
      [["mkfifo"], "map not-a-file"],
      [["truncate", "-s", "33M"], "map too-large"],
    ] as const) {
      const root = makeRoot();
      const map = join(root, "app/dist/a.js.map");
      rmSync(map);
      execFileSync(command[0], [...command.slice(1), map]);
      assert.deepEqual((await outcomeOf(root)).files, ["script read", file]);
    }
  });

  it("are not read: what the process itself may not read", async () => {
    const folder = mkdtempSync(join(directory, "own-"));
    chmodSync(directory, 0o755);
    chmodSync(folder, 0o755);
    const script = join(folder, "a.js");
    writeFileSync(script, SCRIPT);
    writeFileSync(`${script}.map`, MAP);
    chmodSync(script, 0o640);
    const child = spawn("sleep", ["60"], { uid: 65534, gid: 65534, stdio: "ignore" });
    await once(child, "spawn");
    const { maps } = openMaps();
    const key = { pid: child.pid!, startTimeNs: startTimeNs(child.pid!) };
    try {
      await maps.places({ process: key, script, ...POINT });
      assert.deepEqual([...maps.outcomes.keys()], ["script foreign"]);
    } finally {
      maps.close();
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  });

  it("are not read: what lies on a file system that somebody answers for", async () => {
    const { reasons } = await outcomeOf(makeRoot(), "/proc/self/environ");
    assert.deepEqual(reasons, ["no-script"]);
    const self = { pid: process.pid, startTimeNs: startTimeNs(process.pid) };
    const { maps } = openMaps();
    await maps.places({ process: self, script: "/proc/self/status", ...POINT });
    assert.deepEqual([...maps.outcomes.keys()], ["script remote-file-system"]);
    maps.close();
  });
});

describe("what source maps take", { skip }, () => {
  it("is within budgets, and counted", async () => {
    const { end, ...key } = await started(makeRoot());
    const script = "/app/dist/a.js";
    const small = openMaps({ readBurstBytes: SCRIPT.length + 1 });
    await small.maps.places({ process: key, script, ...POINT });
    await small.maps.places({ process: key, script, ...POINT });
    assert.deepEqual(small.reasons(), [["over-budget", 2]]);
    assert.equal(small.maps.readBytes, SCRIPT.length);

    const shed = openMaps();
    shed.maps.asksOn = false;
    await shed.maps.places({ process: key, script, ...POINT });
    shed.maps.asksOn = true;
    assert.equal((await shed.maps.places({ process: key, script, ...POINT }))[0]?.line, 1);
    assert.ok(shed.maps.bytes > 0);
    shed.maps.resize(0);
    assert.equal(shed.maps.bytes, 0);

    const failing = openMaps({ answer: () => Promise.reject(new Error("the worker thread ended")) });
    await failing.maps.places({ process: key, script, ...POINT });
    assert.deepEqual(failing.reasons(), [["worker-failed", 1]]);

    const evaluated = openMaps();
    for (let time = 0; time < 2; time++) await evaluated.maps.places({ process: key, script: "node:fs", ...POINT });
    assert.deepEqual([evaluated.reasons(), evaluated.requests], [[["no-file", 2]], []]);
    await evaluated.maps.places({ process: key, script: "x".repeat(1 << 20), ...POINT });
    assert.ok(evaluated.maps.bytes < 1024, "a name is memory, too");
    for (const { maps } of [small, shed, failing, evaluated]) maps.close();
    await end();
  });

  it("leaves no descriptor open", async () => {
    const { end, ...key } = await started(makeRoot());
    const before = readdirSync("/proc/self/fd").length;
    const { maps } = openMaps();
    for (const script of ["/app/dist/a.js", "/app/dist/none.js", "/proc/self/status", "/tmp"]) {
      await maps.places({ process: key, script, ...POINT });
    }
    assert.equal(readdirSync("/proc/self/fd").length, before + 1);
    const asked = maps.places({
      process: key,
      script: "/app/../app/dist/a.js",
      lines: Uint32Array.of(1),
      columns: Uint32Array.of(2),
    });
    maps.close();
    assert.ok((await asked)[0] !== undefined);
    assert.equal(readdirSync("/proc/self/fd").length, before);
    assert.ok(!readFileSync("/proc/self/mountinfo", "utf8").includes(directory));
    await end();
  });
});
