import type { OutgoingHttpHeaders } from "node:http";
import type { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import { printable } from "../util/printable.js";
import { ApiProblem } from "./api-problem.js";
import type { ApiEndpoint, ClusterAccess } from "./cluster-access.js";

/**
 * The API server as kubeconfig files tell of it, the first file's word before the later ones', with every way to log in
 * that the official client knows (certificates, tokens, exec plugins, OIDC, proxies). That client's configuration alone takes 70 MiB of
 * memory, so it is loaded here only, when a kubeconfig is used: never inside a cluster.
 */
export function kubeconfigAccess(files: readonly string[]): ClusterAccess {
  return {
    endpoint: async () => {
      try {
        const { KubeConfig } = await import("@kubernetes/client-node/dist/config.js");
        const config = new KubeConfig();
        config.loadFromFile(files[0]);
        for (const file of files.slice(1)) {
          const more = new KubeConfig();
          more.loadFromFile(file);
          addMissing(config, more);
        }
        const cluster = config.getCurrentCluster();
        if (cluster === null) throw new Error("its current context names no cluster");
        const request: ApiEndpoint["options"] & { headers?: OutgoingHttpHeaders } = {};
        await config.applyToHTTPSOptions(request);
        const { headers = {}, ...options } = request;
        return { server: new URL(cluster.server), headers, options };
      } catch (error) {
        // The first line alone: below it a YAML parser shows the lines around its mistake, which may be a token.
        const [why] = (error instanceof Error ? error.message : String(error)).split("\n", 1);
        throw new ApiProblem(
          "credentials",
          `KUBECONFIG=${files.join(":")} cannot be used: ${printable(why).slice(0, 200)}.`,
        );
      }
    },
  };
}

/** The client's own merge refuses a name that both have, where kubectl takes the first. */
function addMissing(config: KubeConfig, more: KubeConfig): void {
  const isNewTo =
    (known: readonly { readonly name: string }[]) =>
    ({ name }: { readonly name: string }): boolean =>
      known.every((one) => one.name !== name);
  more.clusters = more.clusters.filter(isNewTo(config.clusters));
  more.users = more.users.filter(isNewTo(config.users));
  more.contexts = more.contexts.filter(isNewTo(config.contexts));
  config.mergeConfig(more, Boolean(config.currentContext));
}
