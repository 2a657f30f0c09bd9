import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { countOf, samplesOf } from "../../support/agent.js";
import { checkValid } from "../../support/check-valid.js";
import { apply, deleteNamespace, makeNamespace, until, untilReady } from "../kubectl.js";
import { PortForward } from "../port-forward.js";
import { burning, pod } from "../workload-pods.js";
import type { AgentContext } from "./context.js";

const NAMESPACE = "hostflame-api";
/** Where the agent under test has its API: on the loopback of its own pod. */
export const API_PORT = 9178;
/** For a pod to be seen on a machine that runs a cluster besides. */
const SEEN_MS = 60_000;

export function apiSuite(context: () => AgentContext): void {
  describe("a node's profiles over HTTP", () => {
    let forward: PortForward;

    before(async () => {
      const { cluster, agent } = context();
      await makeNamespace(cluster, NAMESPACE);
      const two = [burning("main", "c", 25), burning("side", "python", 25)];
      await apply(cluster, pod(NAMESPACE, "cart", { containers: two }));
      await apply(cluster, pod(NAMESPACE, "other", { containers: [burning("main", "node", 25)] }));
      const annotations = { "hostflame.io/profile": "false" };
      await apply(cluster, pod(NAMESPACE, "shy", { containers: [burning("main", "c", 5)], annotations }));
      await untilReady(cluster, NAMESPACE, "pod/cart", "pod/other", "pod/shy");
      forward = await PortForward.open(cluster, agent.namespace, `daemonset/${agent.daemonSet}`, API_PORT);
    });
    after(async () => {
      await forward?.close();
      await deleteNamespace(context().cluster, NAMESPACE);
    });

    async function ask(query: string): Promise<{ readonly status: number; readonly bytes: Buffer }> {
      const response = await fetch(`${forward.address}/debug/pprof/profile?seconds=2&${query}`);
      return { status: response.status, bytes: Buffer.from(await response.arrayBuffer()) };
    }

    for (const [query, containers] of [
      [`namespace=${NAMESPACE}&pod=cart`, ["main", "side"]],
      [`namespace=${NAMESPACE}&pod=cart&container=side`, ["side"]],
      ["pod=other", ["main"]],
    ] as const) {
      it(`are of the pod that is asked for: ${query}`, async () => {
        await until("samples of every container", SEEN_MS, async () => {
          const { status, bytes } = await ask(query);
          assert.equal(status, 200, bytes.toString());
          checkValid(bytes);
          const samples = samplesOf(bytes);
          const name = query.includes("cart") ? "cart" : "other";
          for (const { labels } of samples) {
            assert.deepEqual([labels["namespace"], labels["pod"]], [NAMESPACE, name]);
          }
          const seen = new Set(samples.map(({ labels }) => labels["container"]));
          assert.ok([...seen].every((container) => (containers as readonly string[]).includes(container)));
          return countOf(samples) > 0 && seen.size === containers.length;
        });
      });
    }

    it("are of the whole namespace, each sample with its pod", async () => {
      await until("samples of both pods", SEEN_MS, async () => {
        const { bytes } = await ask(`namespace=${NAMESPACE}`);
        return new Set(samplesOf(bytes).map(({ labels }) => labels["pod"])).size === 2;
      });
    });

    it("are not of a pod that opted out, and none is of one that is not here", async () => {
      const shy = await ask("pod=shy");
      assert.equal(shy.status, 403);
      assert.match(shy.bytes.toString(), /^Pod shy is not sampled: it opted out/);
      assert.equal((await ask("pod=nobody")).status, 404);
      assert.match((await ask("pod=cart&container=nobody")).bytes.toString(), /it has main, side\.$/m);
    });
  });
}
