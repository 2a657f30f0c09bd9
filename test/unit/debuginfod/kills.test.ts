import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { DownloadFolder } from "#src/debuginfod/download-folder.js";
import { buildIdOf } from "#src/debuginfod/build-id-of.js";
import { parseCacheName } from "#src/debuginfod/file-name.js";
import { findDownloaded } from "#src/debuginfod/find-downloaded.js";
import { systemClock } from "#src/util/clock.js";
import { elfWithBuildId } from "../../support/build-id-file.js";
import { openScriptedServer, type ScriptedServer } from "../../support/debuginfod-server.js";

const PROGRAM = "build/test/support/downloading-program.js";
const KILLS = 12;
const MAX_BYTES = 3_000_000;

/** Of each build ID a size of its own, up to half a megabyte. */
function fileOf(buildId: string): Buffer {
  return elfWithBuildId(buildId, (Number.parseInt(buildId.slice(-6), 16) * 7919) % 500_000);
}

describe("two that download into one folder and are killed", () => {
  const directory = mkdtempSync(join(tmpdir(), "hostflame-debuginfod-kills-"));
  let server: ScriptedServer;
  before(async () => {
    server = await openScriptedServer({
      // In pieces, so that a kill meets a file half way.
      script: (request, response) => {
        const bytes = fileOf(/[0-9a-f]{40}/.exec(request.url ?? "")?.[0] ?? "");
        response.writeHead(200, { "content-length": bytes.length });
        const step = (at: number): void => {
          if (response.destroyed) return;
          if (at >= bytes.length) response.end();
          else response.write(bytes.subarray(at, at + 40_000), () => setImmediate(step, at + 40_000));
        };
        step(0);
      },
    });
  });
  after(async () => {
    await server.close();
    rmSync(directory, { recursive: true });
  });

  it("leave whole files, and partial ones that are removed later", async () => {
    let next = 1;
    for (let kill = 0; kill < KILLS; kill++) {
      const children = [0, 1].map((at) =>
        spawn(process.execPath, [PROGRAM, server.url, directory, String(MAX_BYTES), String(next + at * 7)], {
          stdio: ["ignore", "ignore", "pipe"],
        }),
      );
      const errors: string[] = [];
      for (const child of children) child.stderr.on("data", (text: Buffer) => errors.push(text.toString()));
      const asked = server.asked.length;
      while (server.asked.length < asked + 4) await delay(5);
      await delay(Math.random() * 150);
      for (const child of children) {
        child.kill("SIGKILL");
        await once(child, "exit");
      }
      next += 40;
      // What those killed left takes room until it is removed: then, and for no other reason, nothing may be kept.
      for (const error of errors) assert.match(error, /there is room for/);
      checkFiles();
    }
    const names = readdirSync(directory);
    assert.ok(names.some((name) => name.endsWith(".debug")));
    for (const name of names.filter((each) => each.endsWith(".part"))) utimesSync(join(directory, name), 1, 1);
    await new DownloadFolder({ directory, maxBytes: MAX_BYTES, serversKey: "ab", clock: systemClock }).open();
    assert.deepEqual(
      readdirSync(directory).filter((name) => !name.endsWith(".debug")),
      [],
    );
    checkFiles();
  });

  function checkFiles(): void {
    let bytes = 0;
    for (const name of readdirSync(directory)) {
      const { kind, buildId } = parseCacheName(name) ?? assert.fail(name);
      const { size } = statSync(join(directory, name));
      bytes += size;
      if (kind !== "debug") continue;
      assert.equal(size, fileOf(buildId).length, name);
      const fd = findDownloaded(directory, buildId) ?? assert.fail(name);
      assert.equal(buildIdOf(fd), buildId);
      closeSync(fd);
    }
    // Each of the two may have begun a file for which the other had not looked yet.
    assert.ok(bytes <= MAX_BYTES + 4 * 500_000, String(bytes));
  }
});
