import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { WatchedFiles } from "#src/agent/reload/watched-files.js";
import { ConfigMap } from "../../../support/config-map.js";
import { until } from "../../../support/until.js";

/** Longer than it takes to look and to settle, on a busy machine too. */
const SEEN_MS = 20_000;
/** Two looks, and time to settle. */
const LOOKED_MS = 4700;

let folder: string;
let files: WatchedFiles;
let changes: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hostflame-watched-"));
  files = new WatchedFiles();
  changes = 0;
});

afterEach(() => {
  files.close();
  rmSync(folder, { recursive: true, force: true });
});

function read(path: string): Promise<string> {
  return files.read(path, (same) => readFile(same, "utf8"));
}

function watch(): void {
  files.watch(() => {
    changes++;
  });
}

describe("watched files", { concurrency: false }, () => {
  it("change by a swap of a ConfigMap's folder, each swap heard of once", async () => {
    const map = new ConfigMap(folder, "tags: a:1");
    const { path } = map;
    assert.equal(await read(path), "tags: a:1");
    watch();
    map.change("tags: a:2");
    await until(() => changes === 1, SEEN_MS);
    assert.equal(await read(path), "tags: a:2");
    map.change("tags: a:3"); // of the same size
    await until(() => changes === 2, SEEN_MS);
    await sleep(LOOKED_MS);
    assert.equal(changes, 2);
  });

  it("change in place, be the size and the times the same", async () => {
    const path = join(folder, "agent.yaml");
    writeFileSync(path, "a");
    utimesSync(path, 1, 1);
    await read(path);
    watch();
    writeFileSync(path, "b");
    utimesSync(path, 1, 1);
    await until(() => changes === 1, SEEN_MS);
  });

  it("are heard of when they have changed between their reading and the watch", async () => {
    const path = join(folder, "agent.yaml");
    writeFileSync(path, "a");
    await read(path);
    writeFileSync(path, "changed");
    watch();
    await until(() => changes === 1, SEEN_MS);
  });

  it("that somebody is still writing are waited for", async () => {
    const path = join(folder, "agent.yaml");
    writeFileSync(path, "");
    await read(path);
    let whole = "";
    files.watch(() => {
      changes++;
      whole = readFileSync(path, "utf8");
    });
    const end = performance.now() + 3000;
    let written = "";
    while (performance.now() < end) {
      written += "x";
      writeFileSync(path, written);
      await sleep(20);
    }
    await until(() => changes > 0 && whole === written, SEEN_MS);
    assert.equal(changes, 1, "not while it was written");
  });

  it("that vanish are a change, and so are those that come back", async () => {
    const path = join(folder, "agent.yaml");
    writeFileSync(path, "a");
    await read(path);
    files.watch(() => {
      changes++;
    });
    rmSync(path);
    await until(() => changes === 1, SEEN_MS);
    await assert.rejects(read(path), { code: "ENOENT" });
    writeFileSync(path, "b");
    await until(() => changes === 2, SEEN_MS);
  });

  it("are looked at no more after the end", async () => {
    const path = join(folder, "agent.yaml");
    writeFileSync(path, "a");
    await read(path);
    watch();
    files.close();
    writeFileSync(path, "changed");
    await sleep(LOOKED_MS);
    assert.equal(changes, 0);
  });
});
