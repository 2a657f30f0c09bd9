import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import { Profile } from "pprof-format";
import { RunningAgent } from "../support/agent.js";
import { openScriptedServer, type Script, type ScriptedServer, servesFiles } from "../support/debuginfod-server.js";
import { findDebuginfod, startDebuginfod } from "../support/real-debuginfod.js";
import { cannotRecord } from "../support/record.js";
import { buildSpinning, type SpinningProgram } from "../support/spinning-program.js";
import { until } from "../support/until.js";

const NAME = "stripped-spin";
/** Of a machine that does much besides. */
const PATIENCE_MS = 120_000;
const STACK = "main;spin;innermost_[i]";

interface Recorded {
  readonly folded: string;
  readonly errors: string;
  readonly ms: number;
}

describe("a stripped program", { skip: cannotRecord() ?? false }, () => {
  const directory = mkdtempSync(join(tmpdir(), "hostflame-e2e-debuginfod-"));
  const cache = join(directory, "cache");
  let program: SpinningProgram;
  let child: ChildProcess;
  let server: ScriptedServer | undefined;

  before(() => {
    program = buildSpinning(directory, NAME);
    child = spawn(program.path, { stdio: "ignore" });
  });
  after(async () => {
    child.kill("SIGKILL");
    await once(child, "exit");
    rmSync(directory, { recursive: true });
  });
  afterEach(async () => {
    await server?.close();
    server = undefined;
    rmSync(cache, { recursive: true, force: true });
  });

  async function serve(script: Script): Promise<ScriptedServer> {
    return (server = await openScriptedServer({ script }));
  }

  /** `interrupted`: then comes Ctrl-C. */
  async function record(options: readonly string[], environment = {}, interrupted?: Promise<void>): Promise<Recorded> {
    const folded = join(directory, "stacks.folded");
    rmSync(folded, { force: true });
    const words = ["record", "--duration", "1s", "--frequency", "199", "--comm", NAME, "--folded", folded];
    const { DEBUGINFOD_URLS: _urls, DEBUGINFOD_CACHE_PATH: _path, ...inherited } = process.env;
    const start = performance.now();
    const recording = spawn(process.execPath, ["dist/main.js", ...words, "--debuginfod-dir", cache, ...options], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...inherited, ...environment },
    });
    let errors = "";
    recording.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
    void interrupted?.then(() => recording.kill("SIGINT"));
    const [code] = (await once(recording, "close")) as [number | null];
    assert.equal(code, 0, errors);
    return { folded: readFileSync(folded, "utf8"), errors, ms: performance.now() - start };
  }

  it("has no names where nobody is asked, and nothing is made", async () => {
    const { folded } = await record([]);
    assert.match(folded, new RegExp(`${NAME}\\+0x`));
    assert.ok(!folded.includes(";main;"), folded);
    assert.equal(existsSync(cache), false);
  });

  it("has names, lines and inlined functions of elfutils' own server", async (context) => {
    const debuginfod = findDebuginfod();
    if (debuginfod === undefined) return context.skip("elfutils' debuginfod cannot be had");
    const real = await startDebuginfod(debuginfod, directory, program);
    try {
      const { folded, errors } = await record([], { DEBUGINFOD_URLS: `http://127.0.0.1:1 ${real.url}` });
      assert.ok(folded.includes(STACK), `${folded}\n${errors}`);
      assert.match(errors, /127\.0\.0\.1:1 cannot be reached/);
      assert.deepEqual(readFileSync(join(cache, `${program.buildId}.debug`)), Buffer.from(program.debugFile));
    } finally {
      await real.close();
    }
  });

  it("is asked for once, and named from the disk from then on", async () => {
    const { asked, url } = await serve(servesFiles(new Map([[program.buildId, program.debugFile]])));
    const its = (): readonly string[] => asked.filter((path) => path.includes(program.buildId));
    assert.ok((await record(["--debuginfod-urls", url])).folded.includes(STACK));
    assert.ok((await record(["--debuginfod-urls", url])).folded.includes(STACK));
    assert.equal(its().length, 1);
    assert.equal(statSync(cache).mode & 0o777, 0o700);
    // What the first recording learned is not there, is not asked for by the second.
    assert.equal(new Set(asked).size, asked.length, String(asked));
  });

  it("costs a bounded time when the server is silent, and says so", async () => {
    const { url } = await serve(() => undefined);
    const { folded, errors, ms } = await record(["--debuginfod-urls", url, "--debuginfod-wait", "1s"]);
    assert.ok(folded.includes(`${NAME}+0x`));
    assert.match(errors, /debug files did not come in time/);
    assert.ok(ms < 30_000, String(ms));
    assert.equal(existsSync(cache), false);
  });

  it("is not waited for after Ctrl-C, and what was recorded is written", async () => {
    const { url } = await serve(() => undefined);
    let asked: () => void = () => undefined;
    const isAsked = new Promise<void>((resolve) => (asked = resolve));
    server!.script = () => {
      asked();
    };
    const { folded, ms } = await record(["--debuginfod-urls", url, "--debuginfod-wait", "5m"], {}, isAsked);
    assert.ok(folded.includes(`${NAME}+0x`));
    assert.ok(ms < 60_000, String(ms));
  });

  it("gets its names in a later window of the agent, and no window waits for them", async () => {
    // The file is held back until windows were written without it.
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const files = servesFiles(new Map([[program.buildId, program.debugFile]]));
    const { asked, url } = await serve((request, response, before) => {
      const isHeld = request.url?.includes(program.buildId) === true;
      void (isHeld ? released : Promise.resolve()).then(() => {
        files(request, response, before);
      });
    });
    const agent = new RunningAgent(
      ["--window", "1s", "--frequency", "99", "--debuginfod-urls", url, "--debuginfod-dir", cache],
      { DEBUGINFOD_URLS: "" },
    );
    try {
      await until(() => asked.some((path) => path.includes(program.buildId)), PATIENCE_MS);
      await agent.windows(2);
      const before = agent.files().length;
      assert.ok(!namesIn(agent, agent.files()).includes("innermost"));
      release();
      await until(() => agent.find("debuginfod_arrived") !== undefined, PATIENCE_MS);
      // What reads debug information has little time, and others' programs may have some as well.
      await until(() => namesIn(agent, agent.files().slice(before)).includes("innermost"), PATIENCE_MS);
      assert.equal(await agent.metric("hostflame_debuginfod_requests_total", 'result="downloaded"'), 1);
      assert.ok((await agent.metric("hostflame_debuginfod_cache_bytes")) >= program.debugFile.length);
      assert.ok((await agent.get("/readyz")).text.includes("debuginfod"));
      const { code, ms } = await agent.stop();
      assert.equal(code, 0);
      assert.ok(ms < 9500);
    } finally {
      await agent.dispose();
    }
  });
});

/** Functions of all files. */
function namesIn(agent: RunningAgent, files: readonly string[]): string[] {
  return files.flatMap((file) => {
    const { function: functions, stringTable } = Profile.decode(gunzipSync(agent.bytes(file)));
    return functions.map(({ name }) => stringTable.strings[Number(name)]);
  });
}
