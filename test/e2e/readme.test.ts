import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { describe, it } from "node:test";
import { cannotRecord } from "../support/record.js";

/** What runs this test, and so needs no other proof. */
const RUNNING = "npm test";
/** A second run finds everything set up; sampling then begins within this. */
const START_MS = 1000;

const readme = readFileSync("README.md", "utf8");
const commands = [...readme.matchAll(/^```sh\n([^]*?)^```/gm)].flatMap(([, block]) => block.trim().split("\n"));

describe("every command of the README", { skip: cannotRecord() ?? false }, () => {
  for (const command of commands.filter((line) => line !== RUNNING)) {
    it(`works: ${command}`, () => {
      const { status, signal, stdout, stderr } = spawnSync("sh", ["-c", command], {
        encoding: "utf8",
        timeout: 120_000,
      });
      assert.equal(status, 0, `ended with ${status ?? signal}\n${stdout.slice(-2000)}\n${stderr.slice(-4000)}`);
      for (const file of command.match(/hostflame-out\/\S+/g) ?? []) assert.ok(statSync(file).size > 0, file);
    });
  }

  it("leaves what npm start promises", () => {
    for (const file of ["hostflame-out/profile.pb.gz", "hostflame-out/flamegraph.html"]) {
      assert.ok(statSync(file).size > 0, file);
    }
  });
});

describe("the README", () => {
  it("names the test command that runs this", () => assert.ok(commands.includes(RUNNING)));

  it("links to files that exist", () => {
    for (const [, target] of readme.matchAll(/\]\(([^)#:]+)\)/g)) assert.ok(existsSync(target), target);
  });

  it("lists what each distribution has to install, as the scripts say", () => {
    const script =
      'import("./scripts/packages.mjs").then(({ needs, installAdvice }) => ' +
      'console.log(installAdvice(needs.filter((need) => need.for === "build"), "").join("\\n")))';
    const { stdout } = spawnSync(process.execPath, ["-e", script], { encoding: "utf8" });
    for (const line of stdout.trim().split("\n")) {
      const [title, command] = line.trim().split(": ");
      assert.ok(readme.includes(`| ${title} | \`${command}\` |`), line);
    }
  });
});

describe("npm start", () => {
  it("begins within a second when nothing is left to set up", () => {
    spawnSync(process.execPath, ["scripts/start.mjs", "--help"]);
    const start = performance.now();
    const { status, stdout } = spawnSync("npm", ["start", "--silent", "--", "--help"], { encoding: "utf8" });
    assert.ok(performance.now() - start < START_MS);
    assert.equal(status, 0);
    assert.match(stdout, /--duration TIME/);
  });
});
