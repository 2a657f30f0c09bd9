import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { askMetrics, awaitWindows, metric } from "../agent.js";
import { apply, deleteNamespace, kubectl, listPods, makeNamespace, until, untilReady } from "../kubectl.js";
import { PodProcesses } from "../pod-processes.js";
import { countOf } from "../taken-profiles.js";
import { burning, pod } from "../workload-pods.js";
import { WINDOW_MS, WRITE_MS, type AgentContext } from "./context.js";

const NAMESPACE = "hostflame-opt-out";
const REFUSED = "hostflame_bpf_refused_ticks_total";
const LIMIT_MS = 5000;

export function optOutSuite(context: () => AgentContext): void {
  describe("a pod that opts out while it runs", () => {
    const processes = new PodProcesses();
    let uid = "";

    before(async () => {
      const { cluster } = context();
      await makeNamespace(cluster, NAMESPACE);
      await apply(cluster, pod(NAMESPACE, "shy", { containers: [burning("main", "c", 25)] }));
      await untilReady(cluster, NAMESPACE, "pod/shy");
      const [shy] = await listPods(cluster, NAMESPACE);
      uid = shy.metadata.uid ?? "";
      processes.look();
    });
    after(() => deleteNamespace(context().cluster, NAMESPACE));

    const annotate = (word: string) =>
      kubectl(context().cluster, ["-n", NAMESPACE, "annotate", "--overwrite", "pod/shy", word]);

    async function samplesSince(sinceMs: number, windows: number): Promise<number> {
      const profiles = await awaitWindows(context().agent, windows, sinceMs, (windows + 2) * WINDOW_MS + WRITE_MS);
      processes.look();
      const pids = processes.pidsOf(uid);
      return countOf(profiles.flatMap(({ samples }) => samples).filter(({ pid }) => pids.has(pid)));
    }

    it("is sampled before", async () => assert.ok((await samplesSince(Date.now(), 1)) > 50));

    it("is refused in the kernel within 5 s, and no sample of it is taken afterwards", async (test) => {
      const { address } = context();
      const before = metric(await askMetrics(address), REFUSED);
      const start = performance.now();
      await annotate("hostflame.io/profile=false");
      await until("refused ticks", LIMIT_MS, async () => metric(await askMetrics(address), REFUSED) > before, 100);
      test.diagnostic(`refused after ${Math.round(performance.now() - start)} ms`);
      assert.equal(await samplesSince(Date.now(), 2), 0);
    });

    it("is sampled again when the annotation is taken off", async () => {
      await annotate("hostflame.io/profile-");
      assert.ok((await samplesSince(Date.now() + LIMIT_MS, 1)) > 50);
    });
  });
}
