import type { MetricRegistry } from "./registry.js";
import { rowsBy } from "./registry.js";

type Counts = Iterable<readonly [string, number]>;

export interface OwnershipSource {
  /** Cgroups by how much is known of their owner. */
  readonly cgroups: () => Counts;
  /** Samples by how much was known when they were labelled. */
  readonly samples: () => Counts;
  /** Cgroups that are refused by now, by reason. */
  readonly refusals: () => Counts;
  readonly mergedRows: () => Counts;
  readonly redactedSamples: () => number;
  readonly contradictions: () => number;
  readonly mistakes: () => Counts;
  readonly policiesNotKept: () => number;
  readonly forgottenForRoom: () => number;
  /** Processes looked at, by what came of it. */
  readonly processes: () => Counts;
  readonly processContexts: () => Counts;
  readonly processesKnown: () => number;
}

export function registerOwnership(registry: MetricRegistry, source: OwnershipSource): void {
  const { counter, gauge } = registry;
  gauge(
    {
      name: "hostflame_labels_cgroups",
      help: "Cgroups that were sampled lately, by how much is known of whose they are",
      labels: ["known"],
    },
    () => rowsBy("known", source.cgroups()),
  );
  counter(
    {
      name: "hostflame_labels_samples_total",
      help: "Samples by how much was known of whose they are: pod_and_container, pod, container, ids (of a container that nobody knows), unit, none",
      labels: ["known"],
    },
    () => rowsBy("known", source.samples()),
  );
  gauge(
    {
      name: "hostflame_policy_refused_cgroups",
      help: "Cgroups that are not sampled by now, by why",
      labels: ["reason"],
    },
    () => rowsBy("reason", source.refusals()),
  );
  counter(
    { name: "hostflame_policy_not_kept_total", help: "Policies that the kernel side had no room for" },
    source.policiesNotKept,
  );
  counter(
    { name: "hostflame_labels_redacted_samples_total", help: "Samples whose names left the node hashed" },
    source.redactedSamples,
  );
  counter(
    {
      name: "hostflame_labels_merged_threads_total",
      help: "Threads of windows whose service was merged with others, because there were too many: into its container's, or its namespace's",
      labels: ["into"],
    },
    () => rowsBy("into", source.mergedRows()),
  );
  counter(
    {
      name: "hostflame_labels_contradictions_total",
      help: "Cgroups of which cgroup path, runtime and API server said different things; the runtime was believed",
    },
    source.contradictions,
  );
  counter(
    {
      name: "hostflame_labels_annotation_mistakes_total",
      help: "Annotations of pods that make no sense, by name",
      labels: ["annotation"],
    },
    () => rowsBy("annotation", source.mistakes()),
  );
  counter(
    { name: "hostflame_labels_forgotten_cgroups_total", help: "Cgroups forgotten because there were too many" },
    source.forgottenForRoom,
  );
  counter(
    {
      name: "hostflame_processes_total",
      help: "Sampled processes by what came of reading what they say of themselves",
      labels: ["result"],
    },
    () => rowsBy("result", source.processes()),
  );
  counter(
    {
      name: "hostflame_process_contexts_total",
      help: "OpenTelemetry process contexts by what came of looking for one",
      labels: ["result"],
    },
    () => rowsBy("result", source.processContexts()),
  );
  gauge({ name: "hostflame_processes_known", help: "Processes remembered" }, source.processesKnown);
}
