import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isAccounted, StolenTime } from "../../support/stolen-time.js";
import { askMetrics, awaitWindows, metric } from "../agent.js";
import { expectedLabels, judge, type Judgement } from "../expected.js";
import { apply, deleteNamespace, kubectl, makeNamespace, until, untilReady } from "../kubectl.js";
import { PodProcesses } from "../pod-processes.js";
import { countOf, type TakenProfile } from "../taken-profiles.js";
import { burning, cronJob, pod, running, workload, WORKLOAD_IMAGE } from "../workload-pods.js";
import { UNLABELLED, WINDOW_MS, WRITE_MS, type AgentContext } from "./context.js";

const NAMESPACE = "hostflame-labels";
const ON_ITS_WAY_MS = 20_000;
/** Sampled CPU against the cgroups' own account. */
const ACCOUNT_TOLERANCE = 0.03;

/** Container → the service that its samples are filed under. */
const SERVICES: Readonly<Record<string, string>> = {
  web: "shop",
  api: "shop",
  mesh: "shop",
  prepare: "shop",
  db: "store-api",
  main: "chosen",
  look: "chosen",
  totals: "report",
};

const OBJECTS: readonly object[] = [
  workload("Deployment", NAMESPACE, "shop", {
    initContainers: [
      running("prepare", ["hf-burn", "spin", "2"]),
      burning("mesh", "node", 8, { restartPolicy: "Always" }),
    ],
    containers: [burning("web", "c", 40), burning("api", "python", 25)],
  }),
  workload("StatefulSet", NAMESPACE, "store", {
    containers: [burning("db", "node", 15, { env: [{ name: "DD_SERVICE", value: "store-api" }] })],
  }),
  pod(NAMESPACE, "alone", { containers: [burning("main", "c", 8)], annotations: { "hostflame.io/service": "chosen" } }),
  cronJob(NAMESPACE, "report", { containers: [burning("totals", "python", 8)] }),
];

/** Programs of several languages in pods of several containers and owners. */
export function labelsSuite(context: () => AgentContext): void {
  describe("samples of pods", () => {
    const processes = new PodProcesses();
    let profiles: readonly TakenProfile[] = [];
    let judgement: Judgement;
    let [sampled, accounted, stolenShare] = [0, 0, 0];

    before(async () => {
      const { cluster, agent, address } = context();
      await makeNamespace(cluster, NAMESPACE);
      processes.start();
      // The window that has begun is part of it: a container of init soon ends.
      const start = Date.now() - WINDOW_MS;
      await apply(cluster, ...OBJECTS);
      // As the controller names them: by the minute that they were made for.
      const job = `report-${Math.floor(Date.now() / 60_000)}`;
      await kubectl(cluster, ["-n", NAMESPACE, "create", "job", job, "--from=cronjob/report"]);
      await kubectl(cluster, ["-n", NAMESPACE, "rollout", "status", "deployment/shop", "--timeout=60s"]);
      await kubectl(cluster, ["-n", NAMESPACE, "rollout", "status", "statefulset/store", "--timeout=60s"]);
      await untilReady(cluster, NAMESPACE, "pod/alone");
      await addEphemeral();
      await sleep(WINDOW_MS);
      const stolen = new StolenTime();
      const first = await askMetrics(address);
      await sleep(ON_ITS_WAY_MS);
      const second = await askMetrics(address);
      const grown = (name: string) => metric(second, name) - metric(first, name);
      sampled = grown("hostflame_container_cpu_sampled_seconds_total");
      accounted = grown("hostflame_container_cpu_accounted_seconds_total");
      stolenShare = stolen.share;
      const expected = await expectedLabels(cluster, NAMESPACE);
      const windows = Math.floor((Date.now() - start) / WINDOW_MS) - 1;
      profiles = await awaitWindows(agent, windows, start, 2 * WINDOW_MS + WRITE_MS);
      judgement = judge(profiles, processes, expected);
    });

    after(async () => {
      await processes.stop();
      await deleteNamespace(context().cluster, NAMESPACE);
    });

    /** kubectl debug does no more than this, and waits for a terminal. */
    async function addEphemeral(): Promise<void> {
      const { cluster } = context();
      const words = ["-n", NAMESPACE, "debug", "pod/alone", `--image=${WORKLOAD_IMAGE}`, "--image-pull-policy=Never"];
      await kubectl(cluster, [
        ...words,
        "--container=look",
        "--profile=general",
        "--",
        "hf-burn",
        "share",
        "8",
        "3600",
      ]);
      await until("the ephemeral container to run", 20_000, async () => {
        const path = "jsonpath={.status.ephemeralContainerStatuses[0].state.running}";
        return (await kubectl(cluster, ["-n", NAMESPACE, "get", "pod/alone", "-o", path])) !== "";
      });
    }

    it("never have another pod's, container's or workload's labels", () => {
      assert.deepEqual(judgement.wrong.slice(0, 10), []);
    });

    it("have their pod's labels, at least 995 of 1,000", (test) => {
      const { samples, unlabelled } = judgement;
      test.diagnostic(`${samples} samples of pods, ${unlabelled} of them without a pod`);
      assert.ok(samples > 500, `only ${samples} samples`);
      assert.ok(unlabelled <= UNLABELLED * samples, `${unlabelled} of ${samples} without a pod`);
    });

    it("are there of every container: first ones, sidecars, those of init and ephemeral ones", (test) => {
      const names = [...judgement.byContainer].map(([name, count]) => `${name.split("/")[1]}: ${count}`);
      test.diagnostic(names.join(", "));
      const seen = new Set([...judgement.byContainer.keys()].map((name) => name.split("/")[1]));
      assert.deepEqual(
        Object.keys(SERVICES).filter((name) => !seen.has(name)),
        [],
      );
    });

    it("are filed under the service that their container has by the rules", () => {
      // The pause container, which every pod has first, has no name.
      const wrong = samplesOfPods(profiles)
        .filter(({ labels }) => labels.has("container"))
        .filter(({ labels }) => SERVICES[labels.get("container") ?? ""] !== labels.get("service"))
        .map(({ labels }) => `${labels.get("container")}: ${labels.get("service")}`);
      assert.deepEqual([...new Set(wrong)], []);
    });

    it("have the names of their functions", () => {
      const web = samplesOfPods(profiles).filter(({ labels }) => labels.get("container") === "web");
      const named = web.filter(({ functions }) => functions.includes("cluster_leaf"));
      assert.ok(countOf(named) > 0.8 * countOf(web), `${countOf(named)} of ${countOf(web)} in cluster_leaf`);
    });

    it("add up to the CPU time that the cgroups account for, within 3 %", (test) => {
      const deviation = sampled / accounted - 1;
      const shown = `${sampled.toFixed(2)} s sampled, ${accounted.toFixed(2)} s accounted, ${(100 * stolenShare).toFixed(2)} % stolen`;
      test.diagnostic(`${shown}: ${(100 * deviation).toFixed(2)} %`);
      assert.ok(accounted > 5, shown);
      assert.ok(isAccounted(sampled, accounted, stolenShare, ACCOUNT_TOLERANCE), shown);
    });
  });
}

function samplesOfPods(profiles: readonly TakenProfile[]) {
  return profiles.flatMap(({ samples }) => samples).filter(({ labels }) => labels.get("namespace") === NAMESPACE);
}
