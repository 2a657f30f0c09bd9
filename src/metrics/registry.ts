import type { Counter, Gauge, Registry } from "prom-client";
// prom-client has types for the whole, and not for its parts.
// @ts-expect-error -- a part of prom-client, typed below
import CounterPart from "prom-client/lib/counter.js";
// @ts-expect-error -- a part of prom-client, typed below
import GaugePart from "prom-client/lib/gauge.js";
// @ts-expect-error -- a part of prom-client, typed below
import RegistryPart from "prom-client/lib/registry.js";

type Labels = Readonly<Record<string, string>>;
/** A value, with the labels that tell it from the others of its metric. */
export type MetricRow = readonly [labels: Labels, value: number];

export interface MetricText {
  /** Ends in _total where it is a counter. */
  readonly name: `hostflame_${string}`;
  readonly help: string;
  readonly labels?: readonly string[];
  /** The most rows that there can be, {@link MAX_ROWS} unless given: of labels that have many values, or several. */
  readonly maxRows?: number;
}

/** A metric as documents tell of it. */
export interface DescribedMetric extends Required<MetricText> {
  readonly type: "counter" | "gauge";
}

/** Metrics that are read when they are asked for. */
export interface MetricRegistry {
  /** A value that only grows. */
  readonly counter: (text: MetricText, read: () => number | readonly MetricRow[]) => void;
  readonly gauge: (text: MetricText, read: () => number | readonly MetricRow[]) => void;
  /** Those registered so far, in that order. */
  readonly described: readonly DescribedMetric[];
  readonly contentType: string;
  readonly text: () => Promise<string>;
}

/** Rows of a metric with labels. What a part counts by has fewer values; whatever goes past it is one row, "other". */
export const MAX_ROWS = 64;
/** What a label's value may be: a word of ours. A container's id, a path or a name of somebody's is none. */
const WORD = /^[A-Za-z0-9/][-A-Za-z0-9_.+/ ]{0,47}$/;
const OTHER = "other";

const CounterOf = CounterPart as typeof Counter<string>;
const GaugeOf = GaugePart as typeof Gauge<string>;
const RegistryOf = RegistryPart as typeof Registry;

export function createMetricRegistry(): MetricRegistry {
  const registry = new RegistryOf();
  const described: DescribedMetric[] = [];
  const describe = (type: DescribedMetric["type"], text: MetricText): DescribedMetric => {
    const { labels = [], maxRows = labels.length === 0 ? 1 : MAX_ROWS } = text;
    const metric = { ...text, type, labels, maxRows };
    described.push(metric);
    return metric;
  };
  return {
    counter: (text, read) => {
      const metric = describe("counter", text);
      new CounterOf({
        ...configurationOf(metric, registry),
        collect() {
          this.reset();
          for (const [labels, value] of boundedRows(metric, read())) this.inc(labels, value);
        },
      });
    },
    gauge: (text, read) => {
      const metric = describe("gauge", text);
      new GaugeOf({
        ...configurationOf(metric, registry),
        collect() {
          this.reset();
          for (const [labels, value] of boundedRows(metric, read())) this.inc(labels, value);
        },
      });
    },
    described,
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}

function configurationOf({ name, help, labels }: DescribedMetric, registry: Registry) {
  return { name, help, labelNames: [...labels], registers: [registry] };
}

/**
 * The last wall before a scrape: a label is a word, and rows are few, whatever a part counted by. Rooms see to that
 * themselves; here it holds for the one that did not.
 */
function boundedRows({ labels, maxRows }: DescribedMetric, read: number | readonly MetricRow[]): readonly MetricRow[] {
  if (typeof read === "number") return [[{}, read]];
  const rows = read.map(([values, value]): MetricRow => [wordsOf(values), value]);
  if (rows.length <= maxRows) return rows;
  const rest = rows.slice(maxRows - 1).reduce((sum, [, value]) => sum + value, 0);
  return [...rows.slice(0, maxRows - 1), [Object.fromEntries(labels.map((label) => [label, OTHER])), rest]];
}

function wordsOf(labels: Labels): Labels {
  return Object.fromEntries(
    Object.entries(labels).map(([label, value]) => [label, value === "" || WORD.test(value) ? value : OTHER]),
  );
}

/** Rows of a map or record: one label, its values the keys. */
export function rowsBy(label: string, counts: Iterable<readonly [string, number]>): readonly MetricRow[] {
  return Array.from(counts, ([key, value]) => [{ [label]: key }, value] as const);
}

/** The same of what is counted by two things, "FIRST SECOND". */
export function rowsByTwo(
  [first, second]: readonly [string, string],
  counts: Iterable<readonly [string, number]>,
): readonly MetricRow[] {
  return Array.from(counts, ([key, value]) => {
    const [one = "", other = ""] = key.split(" ");
    return [{ [first]: one, [second]: other }, value] as const;
  });
}

export function rowsByKindAndOutcome(counts: Iterable<readonly [string, number]>): readonly MetricRow[] {
  return rowsByTwo(["kind", "outcome"], counts);
}
