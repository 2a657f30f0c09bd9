import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { awaitWindows } from "../agent.js";
import { expectedLabels, judge, type ExpectedLabels } from "../expected.js";
import { apply, deleteNamespace, kubectl, makeNamespace, untilReady } from "../kubectl.js";
import { PodProcesses } from "../pod-processes.js";
import { burning, pod, running, workload } from "../workload-pods.js";
import { UNLABELLED, WINDOW_MS, WRITE_MS, type AgentContext } from "./context.js";

const NAMESPACE = "hostflame-churn";
const LIVES = 4;

export function churnSuite(context: () => AgentContext): void {
  describe("pods that come, restart and go within a window", () => {
    const processes = new PodProcesses();

    before(() => makeNamespace(context().cluster, NAMESPACE));
    after(async () => {
      await processes.stop();
      await deleteNamespace(context().cluster, NAMESPACE);
    });

    it("have their own labels, each time under one name", async (test) => {
      const { cluster, agent } = context();
      const start = Date.now();
      const expected = new Map<string, ExpectedLabels>();
      const note = async () => {
        for (const [id, labels] of await expectedLabels(cluster, NAMESPACE)) expected.set(id, labels);
      };
      processes.start(100);
      await apply(
        cluster,
        workload("Deployment", NAMESPACE, "rolling", { containers: [burning("main", "c", 20)] }),
        pod(NAMESPACE, "restarting", { containers: [running("main", ["hf-burn", "spin", "1"])] }),
      );
      for (let life = 1; life <= LIVES; life++) {
        // The same name with other containers: what is remembered of the one before would show.
        const container = life % 2 === 0 ? "even" : "odd";
        await apply(cluster, pod(NAMESPACE, "phoenix", { containers: [burning(container, "c", 40)] }));
        await untilReady(cluster, NAMESPACE, "pod/phoenix");
        await note();
        if (life === 2) await kubectl(cluster, ["-n", NAMESPACE, "rollout", "restart", "deployment/rolling"]);
        await sleep(1000);
        await note();
        await kubectl(cluster, ["-n", NAMESPACE, "delete", "pod/phoenix", "--grace-period=1"]);
      }
      const windows = Math.ceil((Date.now() - start) / WINDOW_MS);
      const profiles = await awaitWindows(agent, windows, start - WINDOW_MS, 2 * WINDOW_MS + WRITE_MS);
      const { samples, unlabelled, wrong, byContainer } = judge(profiles, processes, expected);
      test.diagnostic(`${samples} samples of ${expected.size} containers, ${unlabelled} of them without a pod`);
      assert.deepEqual(wrong.slice(0, 10), []);
      for (const name of ["phoenix/even", "phoenix/odd", "restarting/main"]) {
        assert.ok((byContainer.get(name) ?? 0) > 0, `no sample of ${name}`);
      }
      assert.ok(samples > 200, `only ${samples} samples`);
      assert.ok(unlabelled <= UNLABELLED * samples, `${unlabelled} of ${samples} without a pod`);
    });
  });
}
