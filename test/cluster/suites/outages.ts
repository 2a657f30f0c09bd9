import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { agentPod, askReadiness, awaitWindows, type Readiness } from "../agent.js";
import { expectedLabels, judge } from "../expected.js";
import { apply, deleteNamespace, kubectl, makeNamespace, until, untilReady } from "../kubectl.js";
import { restore, killProgram } from "../kit.js";
import { PodProcesses } from "../pod-processes.js";
import { burning, pod } from "../workload-pods.js";
import { UNLABELLED, WINDOW_MS, WRITE_MS, type AgentContext } from "./context.js";

const NAMESPACE = "hostflame-outages";
const OUTAGE_MS = Number(process.env["HOSTFLAME_CLUSTER_OUTAGE"] ?? 20) * 1000;
/** A node without containerd starts no pod, whatever the test; a minute is as telling as five. */
const RUNTIME_OUTAGE_MS = Math.min(OUTAGE_MS, 60_000);
/** The longest back-off is 30 s. */
const RECOVERY_MS = 45_000;

/** What the agent asks others for is away for a while. `restoreRights` gives back what the third test takes away. */
export function outagesSuite(context: () => AgentContext, restoreRights: () => Promise<void>): void {
  describe("while something is away", () => {
    const processes = new PodProcesses();
    let restarts = "";

    before(async () => {
      const { cluster } = context();
      await makeNamespace(cluster, NAMESPACE);
      await apply(cluster, pod(NAMESPACE, "before", { containers: [burning("main", "c", 25)] }));
      await untilReady(cluster, NAMESPACE, "pod/before");
      processes.look();
      restarts = await restartsOfAgent();
    });
    after(async () => {
      await restore();
      await restoreRights();
      await deleteNamespace(context().cluster, NAMESPACE);
    });
    afterEach(async () => {
      // An outage may end the agent's container where kubelet loses it; that it goes on is half of what is asserted.
      assert.equal(await restartsOfAgent(), restarts, "the agent was started anew");
    });

    async function restartsOfAgent(): Promise<string> {
      const { cluster, agent } = context();
      const { metadata } = await agentPod(cluster, agent);
      const words = ["-n", agent.namespace, "get", `pod/${metadata.name}`, "-o"];
      const restarted = await kubectl(cluster, [...words, "jsonpath={.status.containerStatuses[0].restartCount}"]);
      return `${metadata.uid} ${restarted}`;
    }

    /** Windows that began from now on have the samples of the pods there are, with their labels. */
    async function expectLabelled(windows: number): Promise<void> {
      const { agent } = context();
      const since = Date.now();
      const profiles = await awaitWindows(agent, windows, since, (windows + 2) * WINDOW_MS + WRITE_MS);
      const { samples, unlabelled, wrong } = judge(profiles, processes, await known());
      assert.deepEqual(wrong.slice(0, 10), []);
      assert.ok(samples > 20 * windows, `only ${samples} samples in ${windows} windows`);
      assert.ok(unlabelled <= UNLABELLED * samples, `${unlabelled} of ${samples} without a pod`);
    }

    /** By the API server's word where it can be asked, and by its last word where not. */
    let lastKnown: Awaited<ReturnType<typeof expectedLabels>> = new Map();
    async function known(): Promise<typeof lastKnown> {
      lastKnown = await expectedLabels(context().cluster, NAMESPACE).catch(() => lastKnown);
      return lastKnown;
    }

    async function untilMissing(part: RegExp): Promise<Readiness> {
      let readiness: Readiness | undefined;
      await until(`/readyz to say that ${part.source} is missing`, RECOVERY_MS, async () => {
        readiness = await askReadiness(context().address);
        return readiness.missing.some((sentence) => part.test(sentence)) || JSON.stringify(readiness);
      });
      assert.equal(readiness?.status, 200, "sampling goes on, so the agent stays ready");
      return readiness;
    }

    async function untilNothingMissing(): Promise<void> {
      await until("/readyz to miss nothing", RECOVERY_MS, async () => {
        const { missing } = await askReadiness(context().address);
        return missing.length === 0 || missing.join(" ");
      });
    }

    /** One that is made after the outage: it is known only if the agent asks and watches again. */
    async function expectNewPod(name: string): Promise<void> {
      const { cluster } = context();
      await apply(cluster, pod(NAMESPACE, name, { containers: [burning("main", "c", 25)] }));
      await untilReady(cluster, NAMESPACE, `pod/${name}`);
      processes.look();
      await expectLabelled(1);
    }

    it("containerd: profiling goes on with labels, /readyz says it, new containers are known afterwards", async (test) => {
      await known();
      await killProgram(context().cluster, "containerd");
      const { missing } = await untilMissing(/^runtimes?:/);
      test.diagnostic(missing.join(" "));
      await expectLabelled(1);
      await sleep(Math.max(0, RUNTIME_OUTAGE_MS - 3 * WINDOW_MS));
      await restore();
      await untilNothingMissing();
      await expectNewPod("after-containerd");
    });

    it("the API server: the same", async (test) => {
      await known();
      await killProgram(context().cluster, "apiserver");
      const { missing } = await untilMissing(/^pods:/);
      test.diagnostic(missing.join(" "));
      await expectLabelled(1);
      await sleep(Math.max(0, OUTAGE_MS - 3 * WINDOW_MS));
      await restore();
      await untilNothingMissing();
      await expectNewPod("after-api-server");
    });

    it("the right to read pods: /readyz names it, and giving it back is enough", async (test) => {
      const { cluster } = context();
      await known();
      await kubectl(cluster, ["delete", "clusterrolebinding", "hostflame"]);
      // A watch that is open stays open; a server that is started anew asks for rights again.
      await killProgram(cluster, "apiserver");
      await restore();
      await until("/readyz to name the right", RECOVERY_MS, async () => {
        const { missing } = await askReadiness(context().address);
        if (missing.some((sentence) => /list|watch/.test(sentence))) test.diagnostic(missing.join(" "));
        return missing.some((sentence) => /^pods:.*(list|watch)/.test(sentence)) || missing.join(" ");
      });
      await expectLabelled(1);
      await restoreRights();
      await untilNothingMissing();
      await expectNewPod("after-rights");
    });
  });
}
