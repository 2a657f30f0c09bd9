import { after, before, describe } from "node:test";
import { AGENT_IMAGE, agentAddress, deployAgent, kustomizeAgent, profilesFolder, removeAgent } from "./agent.js";
import { findHelm } from "./helm.js";
import { bringUp, buildImage, cannotStart, takeDown, type Cluster } from "./kit.js";
import { apply } from "./kubectl.js";
import { API_PORT, apiSuite } from "./suites/api.js";
import { chartSuite } from "./suites/chart.js";
import { churnSuite } from "./suites/churn.js";
import { WINDOW_MS, type AgentContext } from "./suites/context.js";
import { labelsSuite } from "./suites/labels.js";
import { manifestsSuite } from "./suites/manifests.js";
import { olderAgentSuite } from "./suites/older-agent.js";
import { optOutSuite } from "./suites/opt-out.js";
import { outagesSuite } from "./suites/outages.js";
import { ownershipSuite } from "./suites/parts/ownership.js";
import { podKindsSuite } from "./suites/parts/pod-kinds.js";
import { shortLivedSuite } from "./suites/short-lived.js";
import { WORKLOAD_IMAGE } from "./workload-pods.js";

/**
 * Fine enough that in seconds a percent is more than chance. At 26 times the usual rate nothing is to be shed for memory, which
 * e2e/budget is about: there is no budget, and room for what it would have kept to ({@link MEMORY_LIMIT}). The older agent's
 * manifest leaves rate and limit as they are.
 */
const VARIABLES = {
  HOSTFLAME_FREQUENCY: "499",
  HOSTFLAME_MEMORY_LIMIT: "off",
  HOSTFLAME_WINDOW: `${WINDOW_MS / 1000}s`,
  HOSTFLAME_API_LISTEN: `127.0.0.1:${API_PORT}`,
};

/**
 * With the manifest's 256 MiB, no budget and windows of many short-lived processes the kernel took back the pages of Node.js's
 * own code as fast as they were read: the agent stood still for up to two minutes.
 */
const MEMORY_LIMIT = "512Mi";

/** The cluster, or why there is none. */
async function start(): Promise<Cluster | string> {
  const reason = cannotStart();
  if (reason !== false) return reason;
  return bringUp().catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
}

const found = await start();
const helm = typeof found === "string" ? new Error(found) : await findHelm().catch((error: unknown) => error as Error);
const cluster = (): Cluster => {
  if (typeof found === "string") throw new Error(found);
  return found;
};

describe("on a cluster", { skip: typeof found === "string" ? found : false }, () => {
  before(async () => {
    await buildImage(AGENT_IMAGE, ".");
    await buildImage(WORKLOAD_IMAGE, "test/cluster/workloads");
  });
  after(() => takeDown(cluster()));

  manifestsSuite(cluster, () => helm);
  podKindsSuite(cluster);
  ownershipSuite(cluster);

  describe("the restricted overlay", () => {
    let context: AgentContext;
    let manifests = "";
    before(async () => {
      const agent = { namespace: "hostflame", daemonSet: "hostflame", folder: profilesFolder() };
      manifests = await kustomizeAgent(cluster(), "restricted", VARIABLES, MEMORY_LIMIT, agent.folder);
      await deployAgent(cluster(), manifests, agent);
      context = { cluster: cluster(), agent, address: await agentAddress(cluster(), agent) };
    });
    after(() => removeAgent(cluster(), manifests, context.agent));

    labelsSuite(() => context);
    shortLivedSuite(() => context);
    optOutSuite(() => context);
    apiSuite(() => context);
    churnSuite(() => context);
    outagesSuite(
      () => context,
      () => apply(cluster(), manifests),
    );
  });

  chartSuite(cluster, () => helm);
  olderAgentSuite(cluster);
});
