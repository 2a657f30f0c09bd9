import type { MetricRegistry, MetricRow } from "./registry.js";

interface LimitedResource {
  readonly resource: "memory" | "cpu";
  /** How many steps are shed. */
  readonly level: number;
  /** Bytes, or cores. */
  readonly limit: number;
  readonly use: number;
  /** By step. */
  readonly sheds: ReadonlyMap<string, number>;
  readonly recoveries: ReadonlyMap<string, number>;
  readonly samplesWhileShed: number;
}

/** `resources`: those that have a limit; read at each scrape. */
export function registerBudget(registry: MetricRegistry, resources: () => readonly LimitedResource[]): void {
  const of = (resource: LimitedResource["resource"], read: (limited: LimitedResource) => number) => () =>
    resources()
      .filter((limited) => limited.resource === resource)
      .map((limited): MetricRow => [{ resource }, read(limited)]);
  const rows = (read: (limited: LimitedResource) => number): readonly MetricRow[] =>
    resources().map((limited) => [{ resource: limited.resource }, read(limited)]);
  const bySteps = (read: (limited: LimitedResource) => ReadonlyMap<string, number>): readonly MetricRow[] =>
    resources().flatMap((limited) =>
      Array.from(read(limited), ([step, count]): MetricRow => [{ resource: limited.resource, step }, count]),
    );
  registry.gauge(
    {
      name: "hostflame_budget_level",
      help: "How many steps are shed to stay within a limit: 0 is none; resources without a limit are left out",
      labels: ["resource"],
    },
    () => rows(({ level }) => level),
  );
  registry.gauge(
    { name: "hostflame_budget_limit_bytes", help: "Memory that the agent may take", labels: ["resource"] },
    of("memory", ({ limit }) => limit),
  );
  registry.gauge(
    {
      name: "hostflame_budget_use_bytes",
      help: "Memory held against the limit: the cgroup's, less pages of files that nobody has mapped",
      labels: ["resource"],
    },
    of("memory", ({ use }) => use),
  );
  registry.gauge(
    { name: "hostflame_budget_limit_cores", help: "CPU time a second that the agent may take", labels: ["resource"] },
    of("cpu", ({ limit }) => limit),
  );
  registry.gauge(
    {
      name: "hostflame_budget_use_cores",
      help: "CPU time a second that the agent took lately, BPF included",
      labels: ["resource"],
    },
    of("cpu", ({ use }) => use),
  );
  registry.counter(
    {
      name: "hostflame_budget_sheds_total",
      help: "Times that a step was shed, by the resource that was short",
      labels: ["resource", "step"],
    },
    () => bySteps(({ sheds }) => sheds),
  );
  registry.counter(
    {
      name: "hostflame_budget_recoveries_total",
      help: "Times that a step was taken back",
      labels: ["resource", "step"],
    },
    () => bySteps(({ recoveries }) => recoveries),
  );
  registry.counter(
    {
      name: "hostflame_budget_shed_samples_total",
      help: "Samples taken while something was shed, by the resource that was short",
      labels: ["resource"],
    },
    () => rows(({ samplesWhileShed }) => samplesWhileShed),
  );
}
