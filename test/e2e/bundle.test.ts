import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { startBusyProcess } from "../support/busy-process.js";
import { cannotRecord } from "../support/record.js";

/** What the image holds: the bundle, the native products, package.json; no node_modules. */
describe("the bundle", () => {
  let folder = "";
  before(() => {
    const { status, stderr } = spawnSync(process.execPath, ["scripts/bundle.mjs"], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    folder = mkdtempSync(path.join(tmpdir(), "hostflame-bundle-"));
    for (const part of ["dist/bundle", "build/native", "package.json"]) {
      cpSync(part, path.join(folder, part), { recursive: true });
    }
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function hostflame(...words: readonly string[]) {
    return spawnSync(process.execPath, [path.join(folder, "dist/bundle/main.js"), ...words], { encoding: "utf8" });
  }

  it("is the program", () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    assert.equal(hostflame("version").stdout, `hostflame ${version}\n`);
  });

  it("names the licences of what is in it", () => {
    const text = readFileSync(path.join(folder, "dist/bundle/LICENSES"), "utf8");
    for (const name of ["prom-client", "sonic-boom", "pprof-format", "yaml"]) {
      assert.ok(text.includes(`${name}: `), name);
    }
  });

  it("reads a configuration file, and loads an intake", () => {
    const file = path.join(folder, "hostflame.yaml");
    writeFileSync(file, "frequency: 7\nexporters: http://127.0.0.1:4040\n");
    const { status, stderr, stdout } = hostflame("config", "--config", file);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^frequency +7 /m);
    assert.match(stdout, /^exporter pyroscope +http:\/\/127\.0\.0\.1:4040 kind=pyroscope /m);
  });

  it("records, names and draws without anything beside it", (context) => {
    const reason = cannotRecord();
    if (reason !== undefined) {
      context.skip(reason);
      return;
    }
    const page = path.join(folder, "page.html");
    const busy = startBusyProcess();
    context.after(() => {
      busy.end();
    });
    const { status, stderr, stdout } = hostflame("record", "--duration", "1s", "--flamegraph", page, "--json");
    assert.equal(status, 0, stderr);
    assert.ok((JSON.parse(stdout) as { samples: number }).samples > 0);
    assert.ok(existsSync(page));
  });
});
