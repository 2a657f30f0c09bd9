import type { SocketHealth } from "../containers/directory.js";
import type { PodCounts } from "../kubernetes/pod-counts.js";
import type { PodSourceHealth } from "../kubernetes/pod-source.js";
import type { MetricRegistry, MetricRow } from "./registry.js";
import { rowsBy } from "./registry.js";

export interface SourcesSource {
  readonly runtimes: () => readonly SocketHealth[];
  readonly containers: () => { readonly containers: number; readonly missing: number };
  readonly pods:
    | {
        readonly health: () => PodSourceHealth;
        readonly endedPods: () => number;
        readonly counts: () => Readonly<PodCounts>;
      }
    | undefined;
}

/** Container runtimes and the API server: who says whose a cgroup is. */
export function registerSources(registry: MetricRegistry, source: SourcesSource): void {
  const { counter, gauge } = registry;
  const byRuntime = (read: (socket: SocketHealth) => number): MetricRow[] => {
    const sums = new Map<string, number>();
    for (const socket of source.runtimes()) sums.set(socket.name, (sums.get(socket.name) ?? 0) + read(socket));
    return [...rowsBy("runtime", sums)];
  };
  gauge(
    {
      name: "hostflame_runtimes_connected",
      help: "Sockets of container runtimes that answer, by runtime",
      labels: ["runtime"],
    },
    () => byRuntime(({ health }) => (health.state === "connected" ? 1 : 0)),
  );
  gauge(
    {
      name: "hostflame_runtimes_away",
      help: "Sockets of container runtimes that do not answer, by runtime",
      labels: ["runtime"],
    },
    () => byRuntime(({ health }) => (health.state === "connected" ? 0 : 1)),
  );
  counter(
    { name: "hostflame_runtimes_questions_total", help: "Questions asked of container runtimes", labels: ["runtime"] },
    () => byRuntime(({ counts }) => counts?.questions ?? 0),
  );
  counter(
    {
      name: "hostflame_runtimes_failures_total",
      help: "Questions to container runtimes that got no answer that could be used, by reason",
      labels: ["runtime", "reason"],
    },
    () =>
      source
        .runtimes()
        .flatMap(({ name, counts }): MetricRow[] =>
          Object.entries(counts?.failures ?? {}).map(([reason, count]) => [{ runtime: name, reason }, count]),
        ),
  );
  gauge({ name: "hostflame_containers_known", help: "Containers known" }, () => source.containers().containers);
  gauge(
    { name: "hostflame_containers_missing", help: "Ids of containers that no runtime knew when it was last asked" },
    () => source.containers().missing,
  );
  if (source.pods !== undefined) registerPods(registry, source.pods);
}

function registerPods({ counter, gauge }: MetricRegistry, pods: NonNullable<SourcesSource["pods"]>): void {
  const { counts } = pods;
  gauge({ name: "hostflame_pods_synced", help: "1 while the pods of this node are listed and watched, else 0" }, () =>
    pods.health().state === "synced" ? 1 : 0,
  );
  gauge(
    { name: "hostflame_pods", help: "Pods of this node that are known, ended ones apart", labels: ["state"] },
    () => {
      const health = pods.health();
      return [
        [{ state: "ended" }, pods.endedPods()],
        ...(health.state === "synced" ? [[{ state: "live" }, health.pods] as MetricRow] : []),
      ];
    },
  );
  counter({ name: "hostflame_pods_lists_total", help: "Whole lists of pods taken" }, () => counts().lists);
  counter({ name: "hostflame_pods_watches_total", help: "Watches of pods begun" }, () => counts().watches);
  counter({ name: "hostflame_pods_events_total", help: "Events of pods taken" }, () => counts().events);
  counter(
    { name: "hostflame_pods_failures_total", help: "Lists and watches that failed, by reason", labels: ["reason"] },
    () => rowsBy("reason", Object.entries(counts().failures)),
  );
  counter(
    {
      name: "hostflame_pods_dropped_total",
      help: "Pods and events that were not taken, by reason",
      labels: ["reason"],
    },
    () => rowsBy("reason", Object.entries(counts().dropped)),
  );
  counter(
    {
      name: "hostflame_pods_cut_total",
      help: "Parts of pods that were left away at a limit, by part",
      labels: ["part"],
    },
    () => rowsBy("part", Object.entries(counts().cut)),
  );
}
