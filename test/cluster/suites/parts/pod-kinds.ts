import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Pod } from "#src/model/pod.js";
import { kubeconfigAccess } from "#src/kubernetes/kubeconfig.js";
import { openPodSource, type WatchedPods } from "#src/kubernetes/watched-pods.js";
import { until } from "../../../support/until.js";
import { NODE, PAUSE_IMAGE as IMAGE, type Cluster } from "../../kit.js";
import { apply, deleteNamespace, kubectl, makeNamespace } from "../../kubectl.js";

const NAMESPACE = "hostflame-pod-kinds";

interface Status {
  readonly name: string;
  readonly containerID: string;
  readonly ready: boolean;
}

interface ApiPod {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly spec: { readonly nodeName?: string };
  readonly status: Readonly<Record<`${"c" | "initC" | "ephemeralC"}ontainerStatuses`, readonly Status[] | undefined>>;
}

const container = { name: "main", image: IMAGE, imagePullPolicy: "Never" };

function template(name: string, spec: object = {}): object {
  const podSpec = { terminationGracePeriodSeconds: 0, containers: [container], ...spec };
  return { metadata: { labels: { app: name } }, spec: podSpec };
}

function workload(apiVersion: string, kind: string, spec: object = {}): object {
  const name = kind.toLowerCase();
  const selector = { matchLabels: { app: name } };
  return {
    apiVersion,
    kind,
    metadata: { name, namespace: NAMESPACE },
    spec: { selector, template: template(name), ...spec },
  };
}

/** The pods that the agent's watch knows of a real node, against those of the API. */
export function podKindsSuite(cluster: () => Cluster): void {
  describe("the pods of a real node", () => {
    let source: WatchedPods;

    before(async () => {
      await makeNamespace(cluster(), NAMESPACE);
      source = openPodSource({ node: NODE, access: kubeconfigAccess([cluster().kubeconfig]) });
      const job = (name: string) => ({ spec: { template: template(name, { restartPolicy: "Never" }) } });
      for (const object of [
        workload("apps/v1", "Deployment"),
        workload("apps/v1", "StatefulSet", { serviceName: "none" }),
        workload("apps/v1", "DaemonSet"),
        { ...workload("batch/v1", "Job"), ...job("job") },
        { ...workload("batch/v1", "CronJob"), spec: { schedule: "* * * * *", jobTemplate: job("cronjob") } },
        {
          apiVersion: "v1",
          kind: "Pod",
          metadata: { name: "alone", namespace: NAMESPACE },
          spec: {
            terminationGracePeriodSeconds: 0,
            initContainers: [{ ...container, name: "mesh", restartPolicy: "Always" }],
            containers: [container],
          },
        },
      ]) {
        await apply(cluster(), object);
      }
    });
    after(async () => {
      await source?.close();
      await deleteNamespace(cluster(), NAMESPACE);
    });

    async function apiPods(): Promise<readonly ApiPod[]> {
      const text = await inNamespace("get", "pods", "-o", "json", "--field-selector", "status.phase=Running");
      return (JSON.parse(text) as { items: readonly ApiPod[] }).items;
    }

    /** The one whose name begins so, when it runs and is known by each id of its containers that the API tells. */
    async function known(prefix: string): Promise<Pod> {
      let found: Pod | undefined;
      await until(async () => {
        const pod = (await apiPods()).find(({ metadata }) => metadata.name.startsWith(prefix));
        found = pod === undefined ? undefined : source.byUid(pod.metadata.uid);
        if (pod === undefined || found === undefined) return false;
        const ids = idsOf(pod);
        const byIds = ids.map((id) => source.byContainerId(id)?.uid);
        return ids.length > 0 && byIds.every((uid) => uid === pod.metadata.uid);
      }, 60_000);
      return found!;
    }

    for (const kind of ["Deployment", "StatefulSet", "DaemonSet", "Job"]) {
      it(`of a ${kind} carry its name`, { timeout: 90_000 }, async () => {
        const name = kind.toLowerCase();
        const pod = await known(name);
        assert.deepEqual(pod.workload, { kind, name });
        assert.equal(pod.labels["app"], name);
      });
    }

    it("of a CronJob carry its name, and not its Job's", { timeout: 150_000 }, async () => {
      const isMade = async () => (await apiPods()).some(({ metadata }) => metadata.name.startsWith("cronjob-"));
      await until(isMade, 90_000);
      assert.deepEqual((await known("cronjob-")).workload, { kind: "CronJob", name: "cronjob" });
    });

    it("have sidecars, and debuggers that came later", { timeout: 90_000 }, async () => {
      await known("alone");
      await inNamespace("debug", "alone", `--image=${IMAGE}`, "--image-pull-policy=IfNotPresent", "--container=look");
      await until(async () => (await known("alone")).containers.at(-1)?.ids.length === 1, 30_000);
      const pod = await known("alone");
      assert.deepEqual(
        pod.containers.map(({ kind, name }) => `${kind} ${name}`),
        ["container main", "sidecar mesh", "ephemeral look"],
      );
      assert.equal(pod.workload, undefined);
    });

    it("that restart keep the ids of before", { timeout: 90_000 }, async () => {
      const [before] = (await known("alone")).containers[0].ids;
      // Another image makes the kubelet end the container; the right one again, start it anew.
      await setImage("localhost/pause:none");
      await until(async () => (await statusOf("alone"))?.ready === false, 30_000);
      await setImage(IMAGE);
      await until(() => (source.byContainerId(before)?.containers[0].ids.length ?? 0) > 1, 60_000);
      const [now, earlier] = source.byContainerId(before)!.containers[0].ids;
      assert.notEqual(now, before);
      assert.equal(earlier, before);
    });

    async function setImage(image: string): Promise<void> {
      const patch = JSON.stringify({ spec: { containers: [{ name: "main", image }] } });
      await inNamespace("patch", "pod", "alone", "-p", patch);
    }

    async function statusOf(name: string): Promise<Status | undefined> {
      const pod = (await apiPods()).find(({ metadata }) => metadata.name === name);
      return pod?.status.containerStatuses?.[0];
    }

    const inNamespace = (...words: readonly string[]): Promise<string> =>
      kubectl(cluster(), ["-n", NAMESPACE, ...words]);
  });
}

function idsOf({ status }: ApiPod): readonly string[] {
  const statuses = [status.containerStatuses, status.initContainerStatuses, status.ephemeralContainerStatuses];
  return statuses
    .flatMap((list) => (list ?? []).map(({ containerID }) => containerID?.split("//")[1] ?? ""))
    .filter(Boolean);
}
