import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { agentAddress, askReadiness, awaitWindows, deployAgent, profilesFolder, removeAgent } from "../agent.js";
import { expectedLabels, judge } from "../expected.js";
import { helmTemplate } from "../helm.js";
import { apply, deleteNamespace, kubectl, makeNamespace, tryKubectl, untilReady } from "../kubectl.js";
import type { Cluster } from "../kit.js";
import { PodProcesses } from "../pod-processes.js";
import { burning, pod } from "../workload-pods.js";
import { UNLABELLED, WINDOW_MS, WRITE_MS } from "./context.js";

const NAMESPACE = "hostflame-chart";

/** `helm template | kubectl apply`, with values as a user sets them. */
export function chartSuite(cluster: () => Cluster, helm: () => string | Error): void {
  describe("the chart, with rights: privileged", () => {
    const agent = { namespace: "hostflame", daemonSet: "hostflame", folder: profilesFolder() };
    const processes = new PodProcesses();
    let manifests = "";

    before(async () => {
      const found = helm();
      if (found instanceof Error) return;
      manifests = await helmTemplate(found, [
        "rights=privileged",
        "namespace.create=true",
        "image.tag=test",
        "agent.frequency=99",
        `agent.window=${WINDOW_MS / 1000}s`,
        "agent.tags.team=payments",
        "agent.includeNamespaces={hostflame-chart}",
        `profiles.hostPath=${agent.folder}`,
      ]);
      await makeNamespace(cluster(), NAMESPACE);
      await apply(cluster(), pod(NAMESPACE, "seen", { containers: [burning("main", "c", 25)] }));
      await untilReady(cluster(), NAMESPACE, "pod/seen");
      processes.look();
      await deployAgent(cluster(), manifests, agent);
    });
    after(async () => {
      await removeAgent(cluster(), manifests, agent);
      await deleteNamespace(cluster(), NAMESPACE);
    });

    it("profiles the pods that its values ask for, with its labels", async (test) => {
      const found = helm();
      if (found instanceof Error) return test.skip(found.message);
      const profiles = await awaitWindows(agent, 2, Date.now(), 4 * WINDOW_MS + WRITE_MS);
      const { samples, unlabelled, wrong } = judge(profiles, processes, await expectedLabels(cluster(), NAMESPACE));
      assert.deepEqual(wrong.slice(0, 10), []);
      assert.ok(samples > 50, `only ${samples} samples`);
      assert.ok(unlabelled <= UNLABELLED * samples, `${unlabelled} of ${samples} without a pod`);
      const all = profiles.flatMap((profile) => profile.samples);
      assert.deepEqual([...new Set(all.map(({ labels }) => labels.get("team")))], ["payments"]);
      const namespaces = new Set(all.map(({ labels }) => labels.get("namespace")));
      assert.deepEqual(
        [...namespaces].filter((name) => name !== undefined && name !== NAMESPACE),
        [],
      );
    });

    it("shows its profiles to kubectl exec, for there is Node.js and no shell", async (test) => {
      const found = helm();
      if (found instanceof Error) return test.skip(found.message);
      const exec = ["-n", agent.namespace, "exec", `daemonset/${agent.daemonSet}`, "--"];
      const list = 'fs.readdirSync("/var/lib/hostflame/profiles").join("\\n")';
      const listed = await kubectl(cluster(), [...exec, "node", "-p", list]);
      assert.match(listed, /\.pb\.gz$/m);
      const shell = await tryKubectl(cluster(), [...exec, "sh", "-c", "true"]);
      assert.notEqual(shell.status, 0);
    });

    it("misses nothing that it could have", async (test) => {
      const found = helm();
      if (found instanceof Error) return test.skip(found.message);
      const { missing } = await askReadiness(await agentAddress(cluster(), agent));
      assert.deepEqual(missing, []);
    });
  });
}
