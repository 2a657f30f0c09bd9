import type { AgentOptions } from "../model/agent-options.js";
import type { ExporterSpec } from "../model/exporter-spec.js";
import { fitColumns, printable } from "../util/printable.js";
import type { AgentConfiguration } from "./agent-configuration.js";
import { agentOptions } from "./agent-options.js";
import type { FormattedValue, Option } from "./option.js";
import type { Source } from "./sources.js";

/** Version of the JSON; a field is only ever added. */
const SCHEMA = 1;

interface ShownOption {
  /** The flag without dashes: the key of a configuration file. */
  readonly key: string;
  readonly value: FormattedValue;
  readonly source: Source;
}

/**
 * The effective configuration for scripts. A value is as a configuration file would give it: {"value": "1m", "source": {"rank": "file",
 * "name": "/etc/hostflame.yaml:3"}}; null where there is none. No secret is in it.
 */
export function configurationJson(configuration: AgentConfiguration): string {
  const { options, exportersFrom, warnings, file } = configuration;
  const shown = shownOptions(configuration).map(({ key, value, source }) => [key, { value, source }] as const);
  const exporters = { value: options.exporters, sources: exportersFrom };
  return `${JSON.stringify({ schema: SCHEMA, file: file ?? null, options: Object.fromEntries(shown), exporters, warnings }, undefined, 2)}\n`;
}

/** The same for people: an option a line, where it came from, and then each exporter. */
export function configurationTable(configuration: AgentConfiguration): string {
  const { options, exportersFrom } = configuration;
  const from = exportersFrom.length === 0 ? "default" : exportersFrom.map(sourceText).join(", ");
  const rows = [
    ...shownOptions(configuration).map(({ key, value, source }) => [key, valueText(value), sourceText(source)]),
    ...(options.exporters.length === 0
      ? [["exporters", "-", from]]
      : options.exporters.map((spec) => [`exporter ${spec.name}`, exporterText(spec), from])),
  ];
  const widths = [0, 1].map((column) => Math.min(MAX_WIDTH, Math.max(...rows.map((row) => row[column].length))));
  const lines = [["option", "value", "from"], ...rows].map(([key, value, source]) =>
    `${key.padEnd(widths[0])}  ${value.padEnd(widths[1])}  ${source}`.trimEnd(),
  );
  return `${lines.join("\n")}\n`;
}

/** What is longer moves its own line only. */
const MAX_WIDTH = 40;
const MAX_VALUE = 400;

/** Of a long line only so much is of use; what was given is printed as text, whatever a terminal would make of it. */
function valueText(value: FormattedValue): string {
  const text = value === null ? "-" : Array.isArray(value) ? value.join(",") : String(value);
  return text === "" ? "-" : fitColumns(printable(text), MAX_VALUE);
}

function exporterText(spec: ExporterSpec): string {
  // As it prints itself: masked.
  const { kind, url, options } = JSON.parse(JSON.stringify(spec)) as ExporterSpec;
  const pairs = Object.entries(options).map(
    ([name, text]) => `${name}=${/[\s"']/.test(text) ? JSON.stringify(text) : text}`,
  );
  return fitColumns(printable([...(url === undefined ? [] : [url]), `kind=${kind}`, ...pairs].join(" ")), MAX_VALUE);
}

function sourceText({ rank, name }: Source): string {
  return rank === "default" ? "default" : printable(name);
}

/** Every option but those that together make the exporters. */
function shownOptions({ options, sources, file }: AgentConfiguration): readonly ShownOption[] {
  const rows: readonly (readonly [string, Option<unknown>])[] = Object.entries(agentOptions);
  return rows
    .filter(([name]) => name === "config" || name in options)
    .map(([name, option]) => ({
      key: option.keys[0],
      // A row's value is under the row's name, in what its own format takes.
      value: option.format(name === "config" ? file : options[name as keyof AgentOptions]),
      source: sources[name as keyof typeof sources],
    }));
}
