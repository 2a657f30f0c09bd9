import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { workloadOf } from "#src/kubernetes/workload.js";

const CREATED = Date.parse("2026-11-21T10:00:30Z");
const MINUTE = Date.parse("2026-11-21T10:00:00Z") / 60_000;

interface Case {
  readonly says: string;
  readonly owner: readonly [apiVersion: string, kind: string, name: string];
  readonly labels?: Readonly<Record<string, string>>;
  readonly is: string;
}

const CASES: readonly Case[] = [
  {
    says: "a Deployment through its ReplicaSet",
    owner: ["apps/v1", "ReplicaSet", "web-front-5d9c7b8f6d"],
    labels: { "pod-template-hash": "5d9c7b8f6d" },
    is: "Deployment web-front",
  },
  {
    says: "Argo's Rollout through its ReplicaSet",
    owner: ["apps/v1", "ReplicaSet", "web-687d76d795"],
    labels: { "rollouts-pod-template-hash": "687d76d795" },
    is: "Rollout web",
  },
  { says: "a ReplicaSet without a hash", owner: ["apps/v1", "ReplicaSet", "web-5d9c"], is: "ReplicaSet web-5d9c" },
  {
    says: "a ReplicaSet with another's hash",
    owner: ["apps/v1", "ReplicaSet", "web-5d9c"],
    labels: { "pod-template-hash": "ffff" },
    is: "ReplicaSet web-5d9c",
  },
  {
    says: "a ReplicaSet with an empty hash",
    owner: ["apps/v1", "ReplicaSet", "web-"],
    labels: { "pod-template-hash": "" },
    is: "ReplicaSet web-",
  },
  {
    says: "a ReplicaSet of nothing but the hash",
    owner: ["apps/v1", "ReplicaSet", "-abc"],
    labels: { "pod-template-hash": "abc" },
    is: "ReplicaSet -abc",
  },
  {
    says: "somebody else's kind of that name",
    owner: ["example.com/v1", "ReplicaSet", "web-abc"],
    labels: { "pod-template-hash": "abc" },
    is: "ReplicaSet web-abc",
  },
  { says: "a CronJob by the minute", owner: ["batch/v1", "Job", `nightly-${MINUTE}`], is: "CronJob nightly" },
  {
    says: "a CronJob whose Job waited for a week",
    owner: ["batch/v1", "Job", `nightly-${MINUTE - 7 * 1440}`],
    is: "CronJob nightly",
  },
  {
    says: "a CronJob by the second, as Kubernetes before 1.21 names them",
    owner: ["batch/v1beta1", "Job", `nightly-${MINUTE * 60}`],
    is: "CronJob nightly",
  },
  { says: "a Job named by a date", owner: ["batch/v1", "Job", "backup-20261121"], is: "Job backup-20261121" },
  { says: "a Job of the future", owner: ["batch/v1", "Job", `x-${MINUTE + 60}`], is: `Job x-${MINUTE + 60}` },
  { says: "a Job of last year", owner: ["batch/v1", "Job", `x-${MINUTE - 525_600}`], is: `Job x-${MINUTE - 525_600}` },
  {
    says: "a Job whose name is too long for a CronJob's",
    owner: ["batch/v1", "Job", `${"n".repeat(53)}-${MINUTE}`],
    is: `Job ${"n".repeat(53)}-${MINUTE}`,
  },
  { says: "a Job", owner: ["batch/v1", "Job", "migrate"], is: "Job migrate" },
  {
    says: "somebody else's Job",
    owner: ["batch.volcano.sh/v1alpha1", "Job", `train-${MINUTE}`],
    is: `Job train-${MINUTE}`,
  },
  { says: "a StatefulSet", owner: ["apps/v1", "StatefulSet", "db"], is: "StatefulSet db" },
  { says: "a DaemonSet", owner: ["apps/v1", "DaemonSet", "logs"], is: "DaemonSet logs" },
  { says: "the node, of a static pod", owner: ["v1", "Node", "node-0"], is: "Node node-0" },
  {
    says: "a custom kind",
    owner: ["sparkoperator.k8s.io/v1beta2", "SparkApplication", "pi"],
    is: "SparkApplication pi",
  },
];

describe("a pod's workload is", () => {
  for (const { says, owner, labels = {}, is } of CASES) {
    it(says, () => {
      const [apiVersion, kind, name] = owner;
      const metadata = { labels, ownerReferences: [{ apiVersion, kind, name, controller: true }] };
      const workload = workloadOf(metadata, CREATED);
      assert.equal(`${workload?.kind} ${workload?.name}`, is);
    });
  }

  it("its controller, among several owners", () => {
    const ownerReferences = [
      { apiVersion: "v1", kind: "ConfigMap", name: "other" },
      { apiVersion: "apps/v1", kind: "StatefulSet", name: "db", controller: true },
    ];
    assert.deepEqual(workloadOf({ ownerReferences }, CREATED), { kind: "StatefulSet", name: "db" });
  });

  it("unknown without a controller, and without its kind or name", () => {
    assert.equal(workloadOf({}, CREATED), undefined);
    for (const owner of [
      { kind: "Job", name: "x" },
      { kind: "Job", controller: true },
      { name: "x", controller: true },
      7,
    ]) {
      assert.equal(workloadOf({ ownerReferences: [owner] }, CREATED), undefined);
    }
  });

  it("a Job where nobody says when the pod was made", () => {
    const ownerReferences = [{ apiVersion: "batch/v1", kind: "Job", name: `x-${MINUTE}`, controller: true }];
    assert.equal(workloadOf({ ownerReferences }, undefined)?.kind, "Job");
  });
});
