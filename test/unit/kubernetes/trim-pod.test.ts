import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { trimPod, type TrimmedPod } from "#src/kubernetes/trim-pod.js";
import { podObject } from "../../support/pod-object.js";

/** The real thing, as kube-apiserver 1.33 gives it, less what has no bearing; ids and uids shortened. */
const API_POD = {
  kind: "Pod",
  apiVersion: "v1",
  metadata: {
    name: "web-5d9c7b8f6d-x2x4z",
    generateName: "web-5d9c7b8f6d-",
    namespace: "shop",
    uid: "871ea5a8-298d-4862-bc9f-c5f387768cd4",
    resourceVersion: "4711",
    creationTimestamp: "2026-11-21T10:00:00Z",
    labels: { app: "web", "pod-template-hash": "5d9c7b8f6d", "tags.datadoghq.com/service": "shop-web" },
    annotations: {
      "hostflame.io/service": "front",
      "tags.datadoghq.com/web.version": "7",
      "kubernetes.io/config.source": "api",
      "team.example.com/owner": "blue",
    },
    ownerReferences: [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: "web-5d9c7b8f6d", controller: true }],
    managedFields: [{ manager: "kubelet", fieldsV1: { "f:status": {} } }],
  },
  spec: {
    nodeName: "node-0",
    initContainers: [
      { name: "migrate", image: "shop/migrate:7" },
      { name: "proxy", image: "mesh/proxy:2", restartPolicy: "Always" },
    ],
    containers: [{ name: "web", image: "shop/web:7", env: [{ name: "PASSWORD", value: "hunter2" }] }],
    ephemeralContainers: [{ name: "debugger", image: "busybox" }],
  },
  status: {
    phase: "Running",
    initContainerStatuses: [
      {
        name: "migrate",
        containerID: "containerd://aaa1",
        state: { terminated: { containerID: "containerd://aaa1" } },
      },
      { name: "proxy", containerID: "cri-o://bbb1", state: { running: {} } },
    ],
    containerStatuses: [
      {
        name: "web",
        image: "docker.io/shop/web:7",
        containerID: "docker://ccc2",
        restartCount: 1,
        state: { running: { startedAt: "2026-11-21T10:05:00Z" } },
        lastState: { terminated: { containerID: "docker://ccc1", finishedAt: "2026-11-21T10:04:00Z" } },
      },
    ],
    ephemeralContainerStatuses: [{ name: "debugger", state: { waiting: { reason: "ContainerCreating" } } }],
  },
};

interface Trimmed {
  readonly trimmed: TrimmedPod | undefined;
  readonly cut: readonly string[];
}

function trim(value: unknown, annotations: readonly string[] = []): Trimmed {
  const cut: string[] = [];
  const options = { annotations: new Set(annotations), cut: (reason: string) => void cut.push(reason) };
  return { trimmed: trimPod(value, options), cut };
}

describe("of a pod", () => {
  it("is kept what labels and selection need, and nothing else", () => {
    const { trimmed, cut } = trim(API_POD, ["team.example.com/owner"]);
    assert.deepEqual(JSON.parse(JSON.stringify(trimmed)), {
      pod: {
        uid: "871ea5a8-298d-4862-bc9f-c5f387768cd4",
        namespace: "shop",
        name: "web-5d9c7b8f6d-x2x4z",
        labels: { app: "web", "pod-template-hash": "5d9c7b8f6d", "tags.datadoghq.com/service": "shop-web" },
        annotations: {
          "hostflame.io/service": "front",
          "tags.datadoghq.com/web.version": "7",
          "team.example.com/owner": "blue",
        },
        workload: { kind: "Deployment", name: "web" },
        containers: [
          { kind: "container", name: "web", ids: ["ccc2", "ccc1"], image: "shop/web:7" },
          { kind: "init", name: "migrate", ids: ["aaa1"], image: "shop/migrate:7" },
          { kind: "sidecar", name: "proxy", ids: ["bbb1"], image: "mesh/proxy:2" },
          { kind: "ephemeral", name: "debugger", ids: [], image: "busybox" },
        ],
      },
      ended: false,
      resourceVersion: "4711",
    });
    assert.deepEqual(cut, []);
  });

  it("everything is frozen", () => {
    const { pod } = trim(API_POD).trimmed!;
    const all: unknown[] = [pod, pod.labels, pod.annotations, pod.workload, pod.containers];
    for (const container of pod.containers) all.push(container, container.ids);
    assert.ok(all.every((value) => Object.isFrozen(value)));
  });

  it("that is static, the cgroup's name is known by the kubelet's mirror", () => {
    const hash = "fdb1a3df6b1b1ee5b8dbd9d1ac8b8d0c";
    const mirror = { "kubernetes.io/config.hash": hash, "kubernetes.io/config.mirror": hash };
    const owner = { apiVersion: "v1", kind: "Node", name: "node-0" };
    const { trimmed } = trim(podObject("etcd-node-0", { annotations: mirror, owner }));
    assert.equal(trimmed?.configHash, hash);
    assert.deepEqual({ ...trimmed.pod.annotations }, mirror);
    assert.deepEqual(trimmed?.pod.workload, { kind: "Node", name: "node-0" });
    assert.equal(trim(podObject("x", { annotations: mirror })).trimmed?.configHash, undefined);
    const unlike = { ...mirror, "kubernetes.io/config.mirror": "other" };
    assert.equal(trim(podObject("x", { annotations: unlike, owner })).trimmed?.configHash, undefined);
  });

  it("that has run to its end, the time of it is known", () => {
    const at = (finishedAt: string) => trim(podObject("x", { phase: "Succeeded", finishedAt })).trimmed;
    assert.equal(at("2026-11-21T10:00:00Z")?.ended, true);
    assert.equal(at("2026-11-21T10:00:00Z")?.finishedMs, Date.UTC(2026, 10, 21, 10));
    assert.equal(at("soon")?.finishedMs, undefined);
    assert.equal(trim(podObject("x", { phase: "Failed", ids: [] })).trimmed?.finishedMs, undefined);
  });

  it("keys that every object has are there only when the pod has them", () => {
    const { pod } = trim(
      podObject("x", { labels: JSON.parse('{"__proto__": "a"}') as Record<string, string> }),
    ).trimmed!;
    assert.equal("constructor" in pod.labels, false);
    assert.equal(pod.labels["__proto__"], "a");
    assert.equal("toString" in pod.annotations, false);
  });

  it("that says more than a pod may, the rest is cut and counted", () => {
    const many = (count: number, prefix: string) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`${prefix}${i}`, "v"]));
    const pod = podObject("x", { labels: many(66, "l"), annotations: many(65, "hostflame.io/") });
    const { trimmed, cut } = trim(pod);
    assert.equal(Object.keys(trimmed!.pod.labels).length, 64);
    assert.equal(Object.keys(trimmed!.pod.annotations).length, 64);
    assert.deepEqual(cut, ["labels", "labels", "annotations"]);

    const long = trim(podObject("x", { annotations: { "hostflame.io/service": "s".repeat(200_000) } }));
    assert.equal(long.trimmed?.pod.annotations["hostflame.io/service"]?.length, 1024);
    assert.deepEqual(long.cut, ["text"]);

    const crowded = trim(podObject("x", { ids: Array.from({ length: 130 }, (_, i) => `id${i}`) }));
    assert.equal(crowded.trimmed?.pod.containers.length, 128);
    assert.deepEqual(crowded.cut, ["containers", "containers"]);
  });

  it("an id of no known form is none", () => {
    const ids = ["a b", "", "x".repeat(300)].map(
      (id) => trim(podObject("x", { ids: [id] })).trimmed?.pod.containers[0].ids,
    );
    assert.deepEqual(ids, [[], [], []]);
  });

  it("nothing is believed: whatever comes, it is a pod within its limits or none", () => {
    const json = fc.jsonValue({ maxDepth: 4 });
    const hostile = fc.record(
      {
        metadata: fc.record(
          {
            uid: fc.oneof(fc.string(), json),
            name: fc.oneof(fc.string(), json),
            namespace: fc.constant("n"),
            labels: fc.oneof(fc.dictionary(fc.string(), json), json),
            annotations: fc.oneof(
              fc.dictionary(
                fc.string().map((key) => `hostflame.io/${key}`),
                json,
              ),
              json,
            ),
            ownerReferences: fc.oneof(
              fc.array(fc.record({ controller: fc.constant(true), kind: json, name: json })),
              json,
            ),
            creationTimestamp: json,
          },
          { requiredKeys: [] },
        ),
        spec: fc.record({
          containers: fc.oneof(fc.array(fc.record({ name: json, image: json })), json),
          initContainers: json,
        }),
        status: fc.record({
          phase: json,
          containerStatuses: fc.oneof(fc.array(fc.record({ name: json, containerID: json, state: json })), json),
        }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(hostile, json), (value) => {
        const { trimmed } = trim(value);
        if (trimmed === undefined) return;
        const { pod } = trimmed;
        for (const text of [pod.uid, pod.name, pod.namespace]) assert.ok(text.length > 0 && text.length <= 253);
        for (const kept of [...Object.values(pod.labels), ...Object.values(pod.annotations)]) {
          assert.ok(typeof kept === "string" && kept.length <= 1024);
        }
        for (const { name, ids, image } of pod.containers) {
          assert.ok(name.length <= 253 && image.length <= 1024 && ids.length <= 3);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
