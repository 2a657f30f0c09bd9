import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { openContainerDirectory } from "#src/containers/container-directory.js";
import type { ContainerRuntime, RuntimeModule } from "#src/containers/runtimes/runtime.js";
import type { Container } from "#src/model/container.js";
import type { Misbehaviour } from "./runtimes/server.js";
import { until } from "./until.js";

/** What a made container must be described as. */
export interface Made {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly pod: Container["pod"];
}

/** A runtime that a test may make containers in, stop and start. */
export interface RuntimeSubject {
  readonly socket: string;
  /** Makes a container with these variables. */
  readonly make: (environment: readonly string[]) => Promise<Made>;
  /** Takes the runtime away, and brings it back with the containers it had. */
  readonly stop: () => Promise<void>;
  readonly start: () => Promise<void>;
  /** Leaves nothing behind. */
  readonly close: () => Promise<void>;
  /** Answers everything wrongly; real runtimes do not. */
  readonly misbehave?: (how: Misbehaviour | undefined) => void;
}

/** A runtime that has just been started, on a busy machine, takes seconds for its first answer. */
const TIMEOUT_MS = 10_000;
/** A runtime that hangs fails what asked it, not the whole run. */
const HANGS_MS = 180_000;
const HOOKS = { timeout: HANGS_MS };
const OPTIONS = { timeoutMs: TIMEOUT_MS, retryMs: 50, checkMs: 200 };
const UNKNOWN = ["f".repeat(64), "no-such-container", "../../x", ""];

/**
 * What every runtime keeps to, over a server of ours or the real thing. `open` gives a reason to skip where it cannot be
 * had; `misbehaviours` are those that the subject can be told to show.
 */
export function describeRuntime(
  what: string,
  module: RuntimeModule,
  open: () => Promise<RuntimeSubject | { readonly skip: string }>,
  misbehaviours: readonly Misbehaviour[] = [],
): void {
  describe(what, () => {
    let subject: RuntimeSubject | undefined;
    let skip = "";
    const opened: ContainerRuntime[] = [];
    const runtime = () => {
      assert.ok(subject);
      const made = module.open(subject.socket, OPTIONS);
      opened.push(made);
      return made;
    };
    const given = (name: string, body: (subject: RuntimeSubject) => Promise<void>) => {
      it(name, { timeout: HANGS_MS }, async (context) => {
        if (subject === undefined) return context.skip(skip);
        try {
          await body(subject);
        } finally {
          for (const one of opened.splice(0)) one.close();
        }
      });
    };
    before(async () => {
      const answer = await open();
      if ("skip" in answer) skip = answer.skip;
      else subject = answer;
    }, HOOKS);
    after(() => subject?.close(), HOOKS);

    given("tells its version, and is connected while it is watched", async () => {
      const watched = runtime();
      assert.match(await watched.version(), /^\d+\.\d+/);
      watched.watch(() => {});
      await until(() => watched.health.state === "connected");
    });

    given("knows no container that it does not have", async () => {
      const asked = runtime();
      for (const id of UNKNOWN) assert.equal(await asked.lookup(id), null, id);
      assert.equal(asked.counts.failures.error, 0);
    });

    given("describes a container, and of its environment the service variables alone", async ({ make }) => {
      const made = await make(["DD_SERVICE=cart", "SECRET=no", "OTEL_SERVICE_NAME=a=b"]);
      const asked = runtime();
      const found = await asked.lookup(made.id);
      assert.ok(found);
      checkDescription(found, made);
      assert.deepEqual(found.variables, { DD_SERVICE: "cart", OTEL_SERVICE_NAME: "a=b" });
      assert.ok(!JSON.stringify(found).includes("SECRET"));
      // The beginning of an id is not the id.
      assert.equal(await asked.lookup(made.id.slice(0, 12)), null);
    });

    given("lists it", async ({ make }) => {
      const made = await make([]);
      const found = (await runtime().list()).find(({ id }) => id === made.id);
      assert.ok(found);
      checkDescription(found, made);
    });

    given("tells of those there are, and of one made afterwards", async ({ make }) => {
      const told = new Set<string>();
      const old = await make([]);
      const watched = runtime();
      watched.watch(({ id }) => told.add(id));
      await until(() => told.has(old.id));
      const fresh = await make([]);
      await until(() => told.has(fresh.id));
    });

    given(
      "that goes away rejects and says what to do, and comes back by itself",
      async ({ make, stop, start, socket }) => {
        const made = await make([]);
        const watched = runtime();
        const told: Container[] = [];
        watched.watch((container) => told.push(container));
        await until(() => watched.health.state === "connected");
        await stop();
        await assert.rejects(watched.lookup(made.id));
        await assert.rejects(watched.list());
        await until(() => watched.health.state === "away");
        const { health } = watched;
        assert.ok(
          health.state === "away" && health.detail.includes(socket) && /: .+\.$/.test(health.detail),
          health.state,
        );
        assert.ok(watched.counts.failures.away > 0);
        told.length = 0;
        await start();
        await until(() => watched.health.state === "connected");
        await until(() => told.some(({ id }) => id === made.id));
        assert.ok(await watched.lookup(made.id));
        assert.ok(watched.counts.connections >= 2);
      },
    );

    given("is asked little however often it is needed", async ({ make, socket }) => {
      const made = await make(["DD_SERVICE=till"]);
      const directory = openContainerDirectory({ ...OPTIONS, sockets: [socket] });
      try {
        await until(() => directory.health[0].health.state === "connected");
        const asked = () => directory.health[0].counts?.questions ?? 0;
        await until(() => directory.find([made.id])?.variables.DD_SERVICE === "till");
        const before = asked();
        for (let i = 0; i < 1000; i++) {
          directory.find([made.id]);
          directory.find([i.toString(16).padStart(64, "0")]);
        }
        await until(() => directory.size.missing === 1000);
        // The list, and the checks and lists that are due meanwhile.
        assert.ok(asked() - before <= 10, `${asked() - before} questions`);
      } finally {
        await directory.close();
      }
    });

    for (const how of misbehaviours) {
      given(`that answers ${how} is refused within the deadline`, async ({ misbehave, make, socket }) => {
        assert.ok(misbehave);
        const made = await make([]);
        const asked = module.open(socket, { ...OPTIONS, timeoutMs: 300 });
        opened.push(asked);
        misbehave(how);
        try {
          const start = performance.now();
          await assert.rejects(asked.lookup(made.id), how);
          assert.ok(performance.now() - start < 1500);
          await assert.rejects(asked.version(), how);
          await assert.rejects(asked.list(), how);
          const told: Container[] = [];
          asked.watch((container) => told.push(container));
          await until(() => asked.health.state === "away");
          assert.deepEqual(told, []);
          assert.ok(asked.health.state === "away" && /^[ -~]+$/.test(asked.health.detail));
          assert.ok(Object.values(asked.counts.failures).reduce((sum, count) => sum + count) >= 3);
        } finally {
          misbehave(undefined);
        }
        await until(() => asked.health.state === "connected");
      });
    }
  });
}

function checkDescription(found: Container, { id, name, image, pod }: Made): void {
  const { variables: _, runtime: __, ...rest } = found;
  assert.deepEqual(rest, { id, name, image, pod, sandbox: false });
}
