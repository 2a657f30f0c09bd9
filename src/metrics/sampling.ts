import type { MetricRegistry } from "./registry.js";
import { rowsBy } from "./registry.js";

export interface SamplingSource {
  /** The kernel side's counters and their help. */
  readonly counters: () => readonly { readonly name: string; readonly help: string; readonly value: number }[];
  /** Samples since the start by why their stack ended; those of the present window left out. */
  readonly outcomes: () => Iterable<readonly [outcome: string, samples: number]>;
  /** Samples that did not get into a profile, by reason. */
  readonly lost: () => Iterable<readonly [reason: string, samples: number]>;
  readonly cpus: () => number;
  /** Ticks a second on each CPU; 0 at rest. */
  readonly frequencyHz: () => number;
  /** Of one run of the sampling program; undefined while it was not measured. */
  readonly meanRunSeconds: () => number | undefined;
}

export function registerSampling(registry: MetricRegistry, source: SamplingSource): void {
  for (const [index, { name, help }] of source.counters().entries()) {
    registry.counter({ name: `hostflame_bpf_${name}_total`, help }, () => source.counters()[index].value);
  }
  registry.counter(
    {
      name: "hostflame_samples_outcome_total",
      help: "Samples of windows that ended, by why their stack ended: complete, or the reason",
      labels: ["outcome"],
    },
    () => rowsBy("outcome", source.outcomes()),
  );
  registry.counter(
    {
      name: "hostflame_samples_lost_total",
      help: "Samples that got into no profile, by reason",
      labels: ["reason"],
    },
    () => rowsBy("reason", source.lost()),
  );
  registry.gauge({ name: "hostflame_sampling_cpus", help: "CPUs that were sampled at some time" }, source.cpus);
  registry.gauge(
    { name: "hostflame_sampling_frequency_hertz", help: "Ticks a second on each CPU; 0 while nothing is sampled" },
    source.frequencyHz,
  );
  registry.gauge(
    {
      name: "hostflame_bpf_run_seconds",
      help: "Mean time of one run of the sampling program, idle ticks included, measured during a second of each window",
      labels: ["of"],
    },
    () => {
      const mean = source.meanRunSeconds();
      return mean === undefined ? [] : [[{ of: "mean" }, mean]];
    },
  );
}
