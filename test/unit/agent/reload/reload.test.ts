import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { changesOf, RELOADABLE } from "#src/agent/reload/changes.js";
import { Reload, type ReloadModules } from "#src/agent/reload/reload.js";
import type { AgentOptions } from "#src/model/agent-options.js";
import { optionsWith } from "../../../support/agent-options.js";
import { ManualClock } from "../../../support/manual-clock.js";
import { notedLog } from "../../../support/noted-log.js";
import { until } from "../../../support/until.js";

/** A reload whose file is `scene.next`, an error what is wrong with it. */
function sceneOf(modules: Partial<ReloadModules> = {}) {
  const log = notedLog();
  const clock = new ManualClock();
  const applied: AgentOptions[] = [];
  const scene = {
    next: optionsWith() as AgentOptions | Error,
    reads: 0,
    warnings: [] as string[],
    log,
    clock,
    applied,
  };
  const reload = new Reload(optionsWith(), {
    read: async () => {
      scene.reads++;
      await new Promise(setImmediate);
      if (scene.next instanceof Error) throw scene.next;
      return { options: scene.next, warnings: scene.warnings };
    },
    prepare: (options) => Promise.resolve(() => applied.push(options)),
    nameOf: (option) => `--${option}`,
    ...{ log, clock, ...modules },
  });
  const results = () => Object.values(reload.counts).reduce((sum, count) => sum + count, 0);
  const once = async (next: AgentOptions | Error): Promise<void> => {
    const before = results();
    scene.next = next;
    reload.ask("file");
    await until(() => results() > before);
  };
  return { ...scene, scene, reload, once };
}

describe("changes of options", () => {
  it("are those that are other values, and apply where they can", () => {
    const present = optionsWith({ excludeNamespaces: ["a", "b"] });
    const next = optionsWith({ excludeNamespaces: ["a", "b"], tags: "team:b", ringMemoryBytes: 1 << 20, host: "off" });
    const { changed, needRestart, options } = changesOf(present, next);
    assert.deepEqual(changed.toSorted(), ["host", "tags"]);
    assert.deepEqual(needRestart, ["ringMemoryBytes"]);
    assert.deepEqual(options, { ...next, ringMemoryBytes: present.ringMemoryBytes });
    assert.ok(Object.isFrozen(options));
  });

  it("are none where nothing is another", () => {
    assert.deepEqual(changesOf(optionsWith(), optionsWith()).changed, []);
  });

  it("can be of options that there are", () => {
    const names = Object.keys(optionsWith());
    assert.deepEqual(
      RELOADABLE.filter((name) => !names.includes(name)),
      [],
    );
    assert.equal(new Set(RELOADABLE).size, RELOADABLE.length);
    for (const name of ["listen", "node", "kubernetes", "runtimeSockets", "spoolDir"] as const) {
      assert.ok(!RELOADABLE.includes(name), name);
    }
  });
});

describe("a reload", () => {
  it("applies what changed, says it, and knows when", async () => {
    const { reload, once, applied, log, clock } = sceneOf();
    clock.advance(5000);
    await once(optionsWith({ tags: "team:b", logLevel: "debug" }));
    assert.equal(applied.at(-1)?.tags, "team:b");
    assert.equal(reload.options.tags, "team:b");
    assert.deepEqual(log.lines, [
      { level: "info", event: "reloaded", fields: { cause: "file", changed: ["--tags", "--logLevel"] } },
    ]);
    assert.equal(reload.lastSuccessMs, clock.wallMs());
    await once(optionsWith({ tags: "team:b", logLevel: "debug" }));
    assert.deepEqual(reload.counts, { applied: 1, unchanged: 1, refused: 0, failed: 0 });
    assert.deepEqual(reload.health, { state: "ok", detail: "" });
  });

  it("changes nothing where anything is wrong, names all of it in one line, and recovers", async () => {
    const { reload, once, applied, log, clock } = sceneOf();
    const started = reload.lastSuccessMs;
    clock.advance(1000);
    await once(new Error("--tags is wrong.\nenv: is wrong, too."));
    assert.deepEqual([applied, reload.options.tags], [[], undefined]);
    assert.deepEqual(log.lines, [
      {
        level: "error",
        event: "reload_refused",
        fields: { cause: "file", problems: ["--tags is wrong.", "env: is wrong, too."] },
      },
    ]);
    assert.equal(reload.counts.refused, 1);
    assert.equal(reload.lastSuccessMs, started);
    assert.deepEqual(reload.health, {
      state: "degraded",
      detail:
        "the configuration as it was read at 2026-11-21T12:00:01.000Z is refused, and the one before goes on: --tags is wrong. env: is wrong, too.",
    });
    await once(optionsWith());
    assert.deepEqual(reload.health, { state: "ok", detail: "" });
    assert.equal(reload.counts.unchanged, 1);
  });

  it("changes nothing where what is wrong only shows when it is made ready", async () => {
    const { reload, once, applied } = sceneOf({ prepare: () => Promise.reject(new Error("no such key file.")) });
    await once(optionsWith({ tags: "team:b", redactKeyFile: "/none" }));
    assert.deepEqual([applied, reload.options.tags, reload.counts.refused], [[], undefined, 1]);
    assert.match(reload.health.detail, /no such key file\.$/);
  });

  it("says what needs a restart once for each value, and goes on with the old one", async () => {
    const { reload, once, log } = sceneOf();
    const said = () => log.lines.filter(({ event }) => event === "reload_needs_restart").map(({ fields }) => fields);
    await once(optionsWith({ listen: "off", ringMemoryBytes: 1 << 20 }));
    await once(optionsWith({ listen: "off", ringMemoryBytes: 1 << 20, tags: "a:b" }));
    assert.deepEqual(said(), [{ options: ["--listen", "--ringMemoryBytes"] }]);
    assert.notEqual(reload.options.listen, "off");
    assert.deepEqual(reload.health, {
      state: "ok",
      detail: "--listen, --ringMemoryBytes: changed, and waits for a restart.",
    });
    await once(optionsWith({ listen: "off", ringMemoryBytes: 4 << 20 }));
    assert.deepEqual(said().slice(1), [{ options: ["--ringMemoryBytes"] }]);
    await once(optionsWith());
    assert.deepEqual(reload.health, { state: "ok", detail: "" });
    assert.equal(said().length, 2);
  });

  it("says what of the configuration says nothing", async () => {
    const { scene, once, log } = sceneOf();
    scene.warnings.push("HOSTFLAME_TAG is no option; did you mean HOSTFLAME_TAGS?");
    await once(optionsWith());
    assert.deepEqual(log.lines[0], { level: "warn", event: "configuration", fields: { warning: scene.warnings[0] } });
  });

  it("is one at a time: who asks meanwhile has it read once more", async () => {
    const { scene, reload, applied } = sceneOf();
    for (let times = 0; times < 10; times++) reload.ask("signal");
    scene.next = optionsWith({ tags: "team:last" });
    await until(() => reload.counts.applied === 1);
    await new Promise(setImmediate);
    assert.ok(scene.reads <= 2, String(scene.reads));
    assert.equal(applied.at(-1)?.tags, "team:last");
    reload.ask("signal");
    await until(() => reload.counts.unchanged > 0);
  });

  it("that cannot be applied whole says so, and does not end the agent", async () => {
    const { reload, once, log } = sceneOf({
      prepare: () =>
        Promise.resolve(() => {
          throw new Error("EBADF");
        }),
    });
    await once(optionsWith({ tags: "team:b" }));
    assert.equal(reload.counts.failed, 1);
    assert.equal(log.lines.at(-1)?.event, "reload_failed");
    assert.match(reload.health.detail, /in part only \(Error: EBADF\): restart the agent\.$/);
  });

  it("comes too late once the agent stops", async () => {
    const { scene, reload, applied } = sceneOf();
    scene.next = optionsWith({ tags: "team:b" });
    reload.ask("signal");
    reload.close();
    reload.ask("signal");
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual([scene.reads, applied, reload.counts.applied], [1, [], 0]);
  });
});
