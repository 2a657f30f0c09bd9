import type { ClusterAccess } from "./cluster-access.js";
import { inClusterAccess } from "./in-cluster.js";
import { kubeconfigAccess } from "./kubeconfig.js";

/**
 * The kubeconfig that KUBECONFIG names, else the service account of the pod that we run in; undefined outside of any
 * cluster. Nothing is read or asked yet.
 */
export function findClusterAccess(environment: NodeJS.ProcessEnv): ClusterAccess | undefined {
  const files = (environment["KUBECONFIG"] ?? "").split(":").filter((file) => file !== "");
  if (files.length > 0) return kubeconfigAccess(files);
  const host = environment["KUBERNETES_SERVICE_HOST"] ?? "";
  if (host === "") return undefined;
  return inClusterAccess(host, environment["KUBERNETES_SERVICE_PORT"] ?? "443");
}
