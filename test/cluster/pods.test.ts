import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { ApiProblem } from "#src/kubernetes/api-problem.js";
import { inClusterAccess } from "#src/kubernetes/in-cluster.js";
import { WATCH_TIMES } from "#src/kubernetes/list-watch.js";
import { openPodSource, type PodSourceOptions, type WatchedPods } from "#src/kubernetes/watched-pods.js";
import { AGENT, ApiServer, lacksApiServer } from "../support/api-server.js";
import { until } from "../support/until.js";

const NODE = "no-such-node";
const PODS = "/api/v1/namespaces/default/pods";
const ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts";
const ROLE = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
const BINDING = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
/** Of what the watch asks for; so that a missing right shows within seconds. */
const TIMES = { watchMs: 3000, graceMs: 2000, headMs: 5000, idleMs: 5000 };
const MiB = 2 ** 20;

interface Made {
  readonly name: string;
  readonly uid: string;
  readonly ids: readonly string[];
}

describe("the pods of a real API server", { skip: lacksApiServer() }, () => {
  let server: ApiServer;
  const sources: WatchedPods[] = [];

  before(async () => {
    server = await ApiServer.start();
    await server.ask("POST", ROLE, {
      metadata: { name: "agent" },
      rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"] }],
    });
    await bind();
  });
  after(() => server?.stop());
  afterEach(async () => {
    await Promise.all(sources.splice(0).map((source) => source.close()));
    await server.ask("DELETE", `${PODS}?gracePeriodSeconds=0`);
  });

  function open(options: Partial<PodSourceOptions> = {}): WatchedPods {
    const source = openPodSource({ node: NODE, access: server.access(AGENT.token), times: TIMES, ...options });
    sources.push(source);
    return source;
  }

  async function bind(name = "agent", subject: object = { kind: "User", name: AGENT.name }): Promise<void> {
    const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "agent" };
    await server.ask("POST", BINDING, { metadata: { name }, roleRef, subjects: [subject] });
  }

  /** A pod as a scheduler and a kubelet would leave it. */
  async function make(name: string, node = NODE): Promise<Made> {
    const containers = ["web", "side"].map((container) => ({ name: container, image: `${container}:1` }));
    const { metadata } = await server.ask("POST", PODS, { metadata: { name }, spec: { nodeName: node, containers } });
    const ids = containers.map(() => randomBytes(32).toString("hex"));
    await server.ask("PATCH", `${PODS}/${name}/status`, {
      status: {
        phase: "Running",
        containerStatuses: containers.map((container, i) => ({
          ...container,
          imageID: "",
          ready: true,
          restartCount: 0,
          containerID: `containerd://${ids[i]}`,
        })),
      },
    });
    return { name, uid: (metadata as { uid: string }).uid, ids };
  }

  async function remove(name: string): Promise<void> {
    await server.ask("DELETE", `${PODS}/${name}?gracePeriodSeconds=0`);
  }

  /** Whether a pod is found by its uid and by each of its ids, and is the right one. */
  function isKnown(source: WatchedPods, { name, uid, ids }: Made): boolean {
    const pods = [source.byUid(uid), ...ids.map((id) => source.byContainerId(id))];
    for (const pod of pods) assert.ok(pod === undefined || (pod.uid === uid && pod.name === name));
    return pods.every((pod) => pod !== undefined);
  }

  it(
    "are found by uid and container id while 200 come and go, none wrong, without growing",
    { timeout: 120_000 },
    async () => {
      const source = open({ maxEndedPods: 50 });
      await until(() => source.health.state === "synced");
      const alive: Made[] = [];
      const heap: number[] = [];
      // Names come again, as a StatefulSet's do: the uid must tell them apart.
      for (let i = 0; i < 200; i++) {
        const made = await make(`pod-${i % 40}`);
        alive.push(made);
        await until(() => isKnown(source, made), 5000);
        if (alive.length === 20) {
          const gone = alive.shift()!;
          await remove(gone.name);
          assert.ok(isKnown(source, gone), "a pod that was deleted is still labelled");
        }
        assert.ok(alive.every((pod) => isKnown(source, pod)));
        if (i % 100 === 99) heap.push(heapBytes());
      }
      await until(() => livePods(source) === alive.length);
      assert.equal(source.endedPods, 50);
      assert.ok(heap[1] - heap[0] < MiB, `the heap grew from ${heap[0]} to ${heap[1]} bytes`);
      for (const { name } of alive) await remove(name);
      await until(() => livePods(source) === 0);
    },
  );

  it("of other nodes do not come", async () => {
    const other = await make("elsewhere", "another-node");
    const mine = await make("here");
    const source = open();
    await until(() => isKnown(source, mine));
    assert.equal(source.byUid(other.uid), undefined);
    assert.equal(source.counts.dropped["other-node"], 0);
  });

  it(
    "stay known while the API server is away, and are watched again when it is back",
    { timeout: 120_000 },
    async () => {
      const [before1, before2] = [await make("first"), await make("second")];
      // With the agent's own times: nothing may hang until a watch's end hides it.
      const source = open({ times: WATCH_TIMES, random: () => 0 });
      await until(() => isKnown(source, before1) && isKnown(source, before2));
      await server.halt();
      await until(() => source.health.state === "away", 5000);
      await delay(5000);
      const { health } = source;
      assert.ok(health.state === "away" && /cannot be reached or broke off \(ECONN\w+\): check/.test(health.detail));
      assert.ok(isKnown(source, before1) && isKnown(source, before2));
      await server.resume();
      await remove(before1.name);
      const later = await make("third");
      await until(() => isKnown(source, later), 5000);
      await until(() => livePods(source) === 2);
      assert.ok(source.counts.failures.gone <= 1, "listed anew once, if at all");
      assert.ok(isKnown(source, before1), "known for a while after its end");
    },
  );

  it("are listed anew when the API server has forgotten where the watch was", { timeout: 120_000 }, async () => {
    const [stays, goes] = [await make("stays"), await make("goes")];
    let isCut = false;
    const real = server.access(AGENT.token);
    const cut = () => Promise.reject(new ApiProblem("network", "A cable was pulled: plug it in."));
    const source = open({ times: WATCH_TIMES, access: { endpoint: () => (isCut ? cut() : real.endpoint()) } });
    await until(() => isKnown(source, stays) && isKnown(source, goes));
    isCut = true;
    await server.halt();
    await server.resume();
    await remove(goes.name);
    const later = await make("later");
    await server.compact();
    // Its own memory of what happened would still do; restarted, it has etcd's, which was compacted.
    await server.halt();
    await server.resume();
    assert.ok(isKnown(source, goes));
    isCut = false;
    await until(() => isKnown(source, later), 35_000);
    await until(() => livePods(source) === 2);
    assert.equal(source.counts.failures.gone, 1);
  });

  it(
    "are watched again when the right to is given back; meanwhile it is said which is missing",
    { timeout: 90_000 },
    async () => {
      const made = await make("kept");
      const source = open();
      await until(() => isKnown(source, made));
      await server.ask("DELETE", `${BINDING}/agent`);
      await until(() => source.health.state === "away", 10_000);
      const { health } = source;
      assert.ok(health.state === "away");
      assert.match(health.detail, /403: pods is forbidden: User "agent" cannot watch resource "pods"/);
      assert.match(health.detail, /grant the service account pods: list, watch; see deploy\/base\/rbac.yaml/);
      assert.ok(isKnown(source, made));
      await bind();
      await until(() => source.health.state === "synced", 35_000);
    },
  );

  it("are watched by a service account whose token is replaced", { timeout: 90_000 }, async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "hostflame-account-"));
    try {
      const { server: url, options } = await server.access("").endpoint();
      writeFileSync(path.join(folder, "ca.crt"), options.ca as Buffer);
      const subject = { kind: "ServiceAccount", name: "agent", namespace: "default" };
      await bind("account", subject);
      await putToken(folder);
      const made = await make("kept");
      const source = open({ access: inClusterAccess(url.hostname, url.port, folder) });
      await until(() => isKnown(source, made));
      // An account that was made anew is another one: the old token is refused, as one that has expired is.
      await server.ask("DELETE", `${ACCOUNTS}/agent`);
      await until(() => source.health.state === "away", 30_000);
      const { health } = source;
      assert.ok(health.state === "away" && health.detail.includes("401: Unauthorized"), JSON.stringify(health));
      await putToken(folder);
      await until(() => source.health.state === "synced", 35_000);
      assert.ok(isKnown(source, made));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  /** Makes the service account, and puts a token of it where a kubelet would. */
  async function putToken(folder: string): Promise<void> {
    await server.ask("POST", ACCOUNTS, { metadata: { name: "agent" } });
    const { status } = await server.ask("POST", `${ACCOUNTS}/agent/token`, { spec: {} });
    writeFileSync(path.join(folder, "token"), (status as { token: string }).token);
  }

  it("are none to one whose token is wrong", async () => {
    const source = open({ access: server.access("not-a-token") });
    await until(() => source.health.state === "away");
    const { health } = source;
    assert.ok(health.state === "away" && health.detail.includes("401: Unauthorized; check that the token is mounted"));
    assert.doesNotMatch(health.detail, /not-a-token/);
  });
});

function livePods({ health }: WatchedPods): number | undefined {
  return health.state === "synced" ? health.pods : undefined;
}

/** After everything unreachable has gone. */
function heapBytes(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}
