import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { awaitWindows } from "../agent.js";
import { apply, deleteNamespace, kubectl, makeNamespace } from "../kubectl.js";
import { countOf, type TakenProfile, type TakenSample } from "../taken-profiles.js";
import { job, pod, running } from "../workload-pods.js";
import { UNLABELLED, untilNextWindow, WINDOW_MS, WRITE_MS, type AgentContext } from "./context.js";

const NAMESPACE = "hostflame-brief";

/** What is gone before anybody could look: known by the cgroup that was sampled, not by /proc. */
export function shortLivedSuite(context: () => AgentContext): void {
  describe("what lives shorter than a window", () => {
    before(() => makeNamespace(context().cluster, NAMESPACE));
    after(() => deleteNamespace(context().cluster, NAMESPACE));

    it("a pod's processes of 50 ms each have their pod", async (test) => {
      const { cluster } = context();
      const storm = pod(NAMESPACE, "storm", {
        containers: [running("main", ["hf-burn", "storm", "8", "50"])],
        restartPolicy: "Never",
      });
      const ours = await samplesWhile(async () => {
        await apply(cluster, storm);
        await kubectl(cluster, ["-n", NAMESPACE, "wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/storm"]);
      });
      expectPod(ours, (name) => name === "storm");
      const pids = new Set(ours.map(({ pid }) => pid)).size;
      test.diagnostic(`${countOf(ours)} samples of ${pids} processes`);
      assert.ok(pids > 50, `only ${pids} processes`);
    });

    it("a Job that ends before the window does has its labels", async (test) => {
      const { cluster } = context();
      const ours = await samplesWhile(async () => {
        await sleep(untilNextWindow());
        await apply(cluster, job(NAMESPACE, "brief", { containers: [running("main", ["hf-burn", "spin", "1.5"])] }));
        await kubectl(cluster, ["-n", NAMESPACE, "wait", "--for=condition=Complete", "--timeout=30s", "job/brief"]);
      });
      test.diagnostic(`${countOf(ours)} samples`);
      expectPod(ours, (name) => name.startsWith("brief-"));
      const kinds = new Set(ours.map(({ labels }) => `${labels.get("workload_kind")}/${labels.get("workload")}`));
      assert.deepEqual([...kinds], ["Job/brief"]);
    });

    /** Samples in the workloads' own function, of all windows in which something ran. */
    async function samplesWhile(work: () => Promise<void>): Promise<readonly TakenSample[]> {
      const { agent } = context();
      const start = Date.now() - WINDOW_MS;
      await work();
      const windows = Math.ceil((Date.now() - start) / WINDOW_MS);
      const profiles = await awaitWindows(agent, windows, start, 2 * WINDOW_MS + WRITE_MS);
      return burning(profiles);
    }
  });
}

function burning(profiles: readonly TakenProfile[]): readonly TakenSample[] {
  return profiles.flatMap(({ samples }) => samples).filter(({ functions }) => functions.includes("cluster_burn"));
}

function expectPod(samples: readonly TakenSample[], isIt: (name: string) => boolean): void {
  const total = countOf(samples);
  assert.ok(total > 50, `only ${total} samples`);
  const without = samples.filter(({ labels }) => !labels.has("pod"));
  assert.ok(countOf(without) <= UNLABELLED * total, `${countOf(without)} of ${total} without a pod`);
  const wrong = samples.filter(({ labels }) => labels.has("pod") && !isIt(labels.get("pod") ?? ""));
  assert.deepEqual(
    wrong.map(({ labels }) => labels.get("pod")),
    [],
  );
}
