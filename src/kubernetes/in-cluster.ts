import { readFile } from "node:fs/promises";
import { isIPv6 } from "node:net";
import path from "node:path";
import { errnoOf } from "../util/errno.js";
import { ApiProblem } from "./api-problem.js";
import type { ClusterAccess } from "./cluster-access.js";

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * The API server as every pod is told of it: address from the environment, token and authority from the mounted service
 * account. The kubelet replaces the token about once an hour, so both files are read for each request.
 */
export function inClusterAccess(host: string, port: string, folder = SERVICE_ACCOUNT): ClusterAccess {
  const server = new URL(`https://${isIPv6(host) ? `[${host}]` : host}:${port}`);
  return {
    endpoint: async () => {
      const [token, ca] = await Promise.all([readMounted(folder, "token"), readMounted(folder, "ca.crt")]);
      return { server, headers: { authorization: `Bearer ${token.trim()}` }, options: { ca } };
    },
  };
}

async function readMounted(folder: string, name: string): Promise<string> {
  const file = path.join(folder, name);
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new ApiProblem(
      "credentials",
      `The service account's ${file} cannot be read (${errnoOf(error)}): give the pod a serviceAccountName, and leave automountServiceAccountToken on.`,
    );
  }
}
