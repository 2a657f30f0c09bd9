import { outcome as outcomes, type CounterName } from "../native/abi.generated.js";
import { grouped } from "../util/grouped.js";
import type { Capture } from "./capture.js";
import type { Window } from "./window.js";

/** What became of the samples of a recording, and what it cost; the JSON of `record --json` holds it as it is. */
export interface CaptureSummary {
  /** Samples in the profile. */
  readonly samples: number;
  /** Samples that the ring had no room for. */
  readonly lost: number;
  /** Samples whose stack reached its root. */
  readonly complete: number;
  /** Samples by why their stack ended; zeros left out. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Samples finished in user space because their file was new. */
  readonly firstSights: number;
  readonly cpus: number;
  /** Met, those let go since among them. */
  readonly executables: number;
  readonly counters: Readonly<Record<CounterName, number>>;
  /** Why files could not be opened, or have no rows; and records that made no sense. Zeros left out. */
  readonly problems: Readonly<Record<string, number>>;
  /** Files of interpreters whose functions are shown, by "NAME VERSION"; and what was said of those that are not known. */
  readonly interpreters: { readonly found: Readonly<Record<string, number>>; readonly unknown: readonly string[] };
  /** Memory of the kernel side's maps, bytes, by name. */
  readonly mapBytes: Readonly<Record<string, number>>;
  /** Of the unwind tables. */
  readonly tables: {
    readonly count: number;
    readonly bytes: number;
    readonly evictions: number;
    readonly rules: number;
  };
  /** All BPF programs together, while the kernel's BPF statistics are on. */
  readonly bpf: { readonly runs: number; readonly nanoseconds: number };
}

/** Reads everything that is gone once the capture is closed. */
export function summarize(capture: Capture, window: Window): CaptureSummary {
  const { sampler, tables, registry, interpreters, conversions, intake, firstSights, rules } = capture;
  const counters = sampler.counters();
  const programs = Object.values(sampler.session.programStats());
  return {
    samples: window.total,
    lost: counters.samples_dropped + intake.malformed,
    complete: window.outcomes[outcomes.complete],
    outcomes: namedOutcomes(window.outcomes),
    firstSights: firstSights.finished,
    cpus: sampler.cpus,
    executables: registry.seen,
    counters,
    problems: Object.fromEntries([
      ...registry.problems,
      ...conversions.problems,
      ...tables.problems,
      ...interpreters.problems,
      ...(intake.malformed > 0 ? [["malformed-record", intake.malformed] as const] : []),
    ]),
    interpreters: { found: Object.fromEntries(interpreters.found), unknown: [...interpreters.details] },
    mapBytes: sampler.session.mapBytes(),
    tables: { count: tables.tables, bytes: tables.bytes, evictions: tables.evictions, rules: rules.size },
    bpf: {
      runs: programs.reduce((sum, { runs }) => sum + runs, 0),
      nanoseconds: programs.reduce((sum, { nanoseconds }) => sum + nanoseconds, 0),
    },
  };
}

/** "samples 1,234  lost 0  complete 99.8 %  stack-unreadable 2". */
export function summaryLine({ samples, lost, complete, outcomes: ended }: CaptureSummary): string {
  const share = samples === 0 ? "" : `  complete ${((100 * complete) / samples).toFixed(1)} %`;
  const reasons = Object.entries(ended)
    .filter(([name]) => name !== "complete")
    .sort((a, b) => b[1] - a[1])
    .map(([name, count]) => `  ${name} ${grouped(count)}`)
    .join("");
  return `samples ${grouped(samples)}  lost ${grouped(lost)}${share}${reasons}\n`;
}

function namedOutcomes(counts: Uint32Array): Record<string, number> {
  const named: Record<string, number> = {};
  for (const [name, value] of Object.entries(outcomes)) {
    if (value < counts.length && counts[value] > 0) {
      named[name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)] = counts[value];
    }
  }
  return named;
}
