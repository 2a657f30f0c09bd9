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
}

/** Metrics that are read when they are asked for. */
export interface MetricRegistry {
  /** A value that only grows. */
  readonly counter: (text: MetricText, read: () => number | readonly MetricRow[]) => void;
  readonly gauge: (text: MetricText, read: () => number | readonly MetricRow[]) => void;
  readonly contentType: string;
  readonly text: () => Promise<string>;
}

const CounterOf = CounterPart as typeof Counter<string>;
const GaugeOf = GaugePart as typeof Gauge<string>;
const RegistryOf = RegistryPart as typeof Registry;

export function createMetricRegistry(): MetricRegistry {
  const registry = new RegistryOf();
  const configuration = ({ name, help, labels = [] }: MetricText) => ({
    name,
    help,
    labelNames: [...labels],
    registers: [registry],
  });
  return {
    counter: (text, read) => {
      new CounterOf({
        ...configuration(text),
        collect() {
          this.reset();
          for (const [labels, value] of rowsOf(read())) this.inc(labels, value);
        },
      });
    },
    gauge: (text, read) => {
      new GaugeOf({
        ...configuration(text),
        collect() {
          this.reset();
          for (const [labels, value] of rowsOf(read())) this.set(labels, value);
        },
      });
    },
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}

function rowsOf(read: number | readonly MetricRow[]): readonly MetricRow[] {
  return typeof read === "number" ? [[{}, read]] : read;
}

/** Rows of a map or record: one label, its values the keys. */
export function rowsBy(label: string, counts: Iterable<readonly [string, number]>): readonly MetricRow[] {
  return Array.from(counts, ([key, value]) => [{ [label]: key }, value] as const);
}
