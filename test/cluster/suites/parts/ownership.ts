import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { identifyCgroup } from "#src/containers/cgroup-path.js";
import { openContainerDirectory } from "#src/containers/container-directory.js";
import type { ContainerDirectory } from "#src/containers/directory.js";
import { hostCgroupHierarchy } from "#src/host/cgroup-hierarchy.js";
import { kubeconfigAccess } from "#src/kubernetes/kubeconfig.js";
import { openPodSource, type WatchedPods } from "#src/kubernetes/watched-pods.js";
import { DEFAULT_GROUP_LIMITS, groupThreads } from "#src/labels/group.js";
import { Ownership } from "#src/labels/ownership.js";
import type { CgroupId, CgroupPath } from "#src/model/cgroup.js";
import type { ProfileThread } from "#src/model/profile.js";
import { ProcessTable } from "#src/processes/process-table.js";
import { selection } from "../../../support/owners.js";
import { startTimeNs } from "../../../support/proc.js";
import { until } from "../../../support/until.js";
import { NODE, PAUSE_IMAGE, type Cluster } from "../../kit.js";
import { apply, deleteNamespace, kubectl, listPods, makeNamespace } from "../../kubectl.js";

const NAMESPACE = "hostflame-ownership";
const SERVICE_TAG = { "tags.datadoghq.com/sidecar.service": "edge" };

/** A live process and where it is, as a sample would tell. */
interface Found {
  readonly thread: ProfileThread;
  readonly path: CgroupPath;
}

function pod(name: string, its: object, containers: readonly object[]): object {
  const spec = { terminationGracePeriodSeconds: 0, containers };
  return { apiVersion: "v1", kind: "Pod", metadata: { name, namespace: NAMESPACE, ...its }, spec };
}

function container(name: string, env: Readonly<Record<string, string>> = {}): object {
  const variables = Object.entries(env).map(([key, value]) => ({ name: key, value }));
  return { name, image: PAUSE_IMAGE, imagePullPolicy: "Never", env: variables };
}

/** What the parts of the agent that know names say of live processes, against what the API says. */
export function ownershipSuite(cluster: () => Cluster): void {
  describe("whose the processes of a real node are", { timeout: 180_000 }, () => {
    let containers: ContainerDirectory;
    let pods: WatchedPods;

    before(async () => {
      await makeNamespace(cluster(), NAMESPACE);
      const template = {
        metadata: { labels: { app: "cart", ...SERVICE_TAG } },
        spec: {
          terminationGracePeriodSeconds: 0,
          containers: [container("app", { DD_ENV: "prod" }), container("sidecar")],
        },
      };
      const selector = { matchLabels: { app: "cart" } };
      await apply(
        cluster(),
        {
          apiVersion: "apps/v1",
          kind: "Deployment",
          metadata: { name: "cart", namespace: NAMESPACE },
          spec: { replicas: 2, selector, template },
        },
        pod("alone", {}, [
          container("main", { OTEL_SERVICE_NAME: "solo", OTEL_RESOURCE_ATTRIBUTES: "service.version=3" }),
        ]),
        pod("named", { annotations: { "hostflame.io/service": "by-annotation" } }, [container("main")]),
      );
      containers = openContainerDirectory();
      pods = openPodSource({ node: NODE, access: kubeconfigAccess([cluster().kubeconfig]) });
      await until(async () => (await idsOfNamespace()).size === 6, 60_000);
      await until(async () => [...(await idsOfNamespace()).keys()].every((id) => pods.byContainerId(id)), 30_000);
    });
    after(async () => {
      await containers?.close();
      await pods?.close();
      await deleteNamespace(cluster(), NAMESPACE);
    });

    /** "pod/container" by container id, as the API has it. */
    async function idsOfNamespace(): Promise<Map<string, string>> {
      const ids = new Map<string, string>();
      for (const { metadata, status } of await listPods(cluster(), NAMESPACE)) {
        for (const { name, containerID = "" } of status.containerStatuses ?? []) {
          if (containerID !== "") ids.set(containerID.split("//")[1], `${metadata.name}/${name}`);
        }
      }
      return ids;
    }

    it("is what the API says, with the service that each says for itself", async () => {
      const ownership = new Ownership(selection(), { identifyCgroup, containers, pods });
      const processes = new ProcessTable({ readsPerSecond: 10_000 });
      const expected = await idsOfNamespace();
      const threads: ProfileThread[] = [];
      await until(() => {
        for (const { thread, path } of liveProcesses()) {
          if (!path.names.some((name) => expected.has(name)) || threads.some(({ pid }) => pid === thread.pid)) continue;
          threads.push(thread);
          ownership.cgroupSighted(path);
          processes.sight(thread.pid, thread.startTimeNs, ownership.reading(thread.cgroup));
        }
        return threads.length === 6 && threads.every(({ cgroup }) => ownership.owner(cgroup).container !== undefined);
      }, 20_000);

      const { groupOf, groups } = groupThreads(
        threads,
        { ownership, processes },
        {
          profiles: "container",
          labels: { node: NODE, podLabels: ["app"], podAnnotations: [], tags: new Map() },
          defaults: { service: "", env: "", version: "" },
          ...DEFAULT_GROUP_LIMITS,
        },
      );
      const told = [...groupOf].map((group) => {
        const { service, env, version, labels } = groups[group].profile;
        const label = (name: string): string => labels.get(name) ?? "-";
        assert.equal(label("namespace"), NAMESPACE);
        assert.equal(label("pod") + "/" + label("container"), expected.get(label("container_id")));
        assert.match(label("image"), /pause:1$/);
        const workload = `${label("workload_kind")} ${label("workload")}`;
        return [service, env, version, workload, label("container"), label("pod_label.app")].join(" | ");
      });
      assert.deepEqual(told.sort(), [
        "by-annotation |  | 1 | - - | main | -",
        "cart | prod | 1 | Deployment cart | app | cart",
        "cart | prod | 1 | Deployment cart | app | cart",
        "edge |  | 1 | Deployment cart | sidecar | cart",
        "edge |  | 1 | Deployment cart | sidecar | cart",
        "solo |  | 3 | - - | main | -",
      ]);
      assert.equal(ownership.counts().podAndContainer, 6);
      assert.equal(ownership.contradictions, 0);
    });

    it("is refused within a second of the pod's annotation, and sampled again within a second of its end", async () => {
      const ownership = new Ownership(selection(), { identifyCgroup, containers, pods });
      const divisors: number[] = [];
      ownership.onPolicy((_, { divisor }) => divisors.push(divisor));
      const ids = await idsOfNamespace();
      const alone = [...ids].find(([, name]) => name === "alone/main")?.[0] ?? "";
      const [found] = liveProcesses().filter(({ path }) => path.names.includes(alone));
      ownership.cgroupSighted(found.path);
      assert.deepEqual(divisors, [1]);

      await inNamespace("annotate", "pod", "alone", "hostflame.io/profile=false");
      await until(() => divisors.length === 2, 1000);
      await inNamespace(
        "annotate",
        "pod",
        "alone",
        "--overwrite",
        "hostflame.io/profile=true",
        "hostflame.io/frequency=9.9",
      );
      await until(() => divisors.at(-1) === 10, 1000);
      await inNamespace("annotate", "pod", "alone", "hostflame.io/profile-", "hostflame.io/frequency-");
      await until(() => divisors.at(-1) === 1, 1000);
      assert.deepEqual(divisors, [1, 0, 10, 1]);
    });

    const inNamespace = (...words: readonly string[]): Promise<string> =>
      kubectl(cluster(), ["-n", NAMESPACE, ...words]);
  });
}

/** All processes that have a directory under /sys/fs/cgroup, with the path as the kernel side would announce it. */
function liveProcesses(): readonly Found[] {
  const hierarchy = hostCgroupHierarchy();
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const text = readFileSync(`/proc/${name}/cgroup`, "latin1");
        const line = text.split("\n").find((one) =>
          one
            .split(":")[1]
            .split(",")
            .includes(hierarchy === "v2" ? "" : hierarchy),
        );
        const path = line?.split(":").slice(2).join(":") ?? "/";
        const mount = hierarchy === "v2" ? "" : `/${line?.split(":")[1] ?? ""}`;
        const id = statSync(`/sys/fs/cgroup${mount}${path}`, { bigint: true }).ino as CgroupId;
        const pid = Number(name);
        const thread = { pid, tid: pid, comm: "pause", startTimeNs: startTimeNs(pid), cgroup: id };
        return [{ thread, path: { id, names: path.split("/").filter(Boolean), truncated: false } }];
      } catch {
        // Gone, or in a cgroup that is not mounted here.
        return [];
      }
    });
}
