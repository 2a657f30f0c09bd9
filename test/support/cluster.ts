import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { kubernetesProgram } from "./api-server.js";
import { until } from "./until.js";

/** Of the cluster that the kit has brought up; no test starts one. */
export const KUBECONFIG = path.join(process.env["KUBE_STATE"] ?? "/var/lib/kube-one", "kubeconfig");
export const CLUSTER_NODE = "node-0";
/** The kit's: it waits, and ends when told. */
export const PAUSE_IMAGE = "localhost/pause:1";

/** Why a test of the cluster has to be skipped, or false. */
export function lacksCluster(): string | false {
  if (kubernetesProgram("kubectl") === undefined) return "no kubectl of the cluster kit";
  return existsSync(KUBECONFIG)
    ? false
    : `no cluster is up: ${KUBECONFIG} is not there (the cluster kit's up makes it)`;
}

/** A namespace of a test's own. */
export class ClusterNamespace {
  readonly name: string;

  constructor(prefix: string) {
    this.name = `${prefix}-${randomBytes(4).toString("hex")}`;
  }

  async create(): Promise<void> {
    await kubectl(["create", "namespace", this.name]);
    const hasAccount = (): Promise<boolean> =>
      this.kubectl("get", "serviceaccount", "default").then(
        () => true,
        () => false,
      );
    await until(hasAccount, 20_000);
  }

  kubectl(...words: readonly string[]): Promise<string> {
    return kubectl(["-n", this.name, ...words]);
  }

  async apply(...objects: readonly object[]): Promise<void> {
    const list = { apiVersion: "v1", kind: "List", items: objects };
    await kubectl(["-n", this.name, "apply", "-f", "-"], JSON.stringify(list));
  }

  async delete(): Promise<void> {
    await kubectl(["delete", "namespace", this.name, "--timeout=60s"]);
  }
}

async function kubectl(words: readonly string[], input = ""): Promise<string> {
  const environment = { ...process.env, KUBECONFIG };
  const running = promisify(execFile)(kubernetesProgram("kubectl")!, words, { env: environment, maxBuffer: 2 ** 24 });
  running.child.stdin?.end(input);
  const { stdout } = await running;
  return stdout;
}
