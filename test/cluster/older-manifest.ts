import { readFileSync } from "node:fs";
import { AGENT_IMAGE } from "./agent.js";
import { tryKubectl } from "./kubectl.js";
import type { Cluster } from "./kit.js";

const MANIFEST = "deploy/older-agent/daemonset.yaml";
/** Kubernetes 1.33 and later admit it with hostUsers: false only, which hostPID rules out; privileged has its effect. */
const REFUSED_SINCE_1_33 = /procMount.*hostUsers/;

export interface OlderManifest {
  readonly text: string;
  /** The line had to go, for this API server admits it for no agent whatever. */
  readonly withoutProcMount: boolean;
}

/** The older agent's manifest with our image, as this API server takes it. Its namespace must be there. */
export async function olderManifest(cluster: Cluster): Promise<OlderManifest> {
  const text = readFileSync(MANIFEST, "utf8").replaceAll(/image: hostflame:\S+/g, `image: ${AGENT_IMAGE}`);
  const { status, stderr } = await tryKubectl(cluster, ["apply", "--dry-run=server", "-f", "-"], text);
  if (status === 0) return { text, withoutProcMount: false };
  if (!REFUSED_SINCE_1_33.test(stderr)) throw new Error(`${MANIFEST} is refused:\n${stderr}`);
  return { text: text.replace(/^ *procMount: Unmasked\n/m, ""), withoutProcMount: true };
}
