import { chooseKind, INTAKE_KINDS } from "../exporters/kinds.js";
import { shownUrl } from "../exporters/options/address.js";
import { type ExporterSpec, exporterSpec } from "../model/exporter-spec.js";
import { printable } from "../util/printable.js";
import type { WrittenExporter } from "./exporter-text.js";
import { suggest } from "./suggest.js";

/** An exporter that somebody asked for. */
export interface AskedExporter {
  /** What begins a sentence about it: "--exporter". */
  readonly subject: string;
  readonly written: WrittenExporter;
}

export interface ReadExporters {
  readonly specs: readonly ExporterSpec[];
  /** A sentence for each wrong value. */
  readonly problems: readonly string[];
}

/** Each has a queue in memory, sockets and a spool. */
const MAX_EXPORTERS = 16;
/** What the folder of profiles is called in metrics. */
const FOLDER_NAME = "file";

/** Checks exporters by their kinds' own tables. The intakes are loaded only where there is one to check. */
export async function readExporters(asked: readonly AskedExporter[]): Promise<ReadExporters> {
  if (asked.length === 0) return { specs: [], problems: [] };
  if (asked.length > MAX_EXPORTERS) {
    const problem = `${asked[0].subject} asks for ${asked.length} exporters; at most ${MAX_EXPORTERS} are accepted.`;
    return { specs: [], problems: [problem] };
  }
  const { checkIntake, intakeOf } = await import("../exporters/intakes.js");
  const specs: ExporterSpec[] = [];
  const problems: string[] = [];
  for (const { subject: option, written } of asked) {
    const { url, options } = written;
    const which = options["name"] ?? (url === undefined ? written.kind : shownUrl(url));
    const subject = asked.length === 1 ? option : `${option} (${printable(which ?? "").slice(0, 80)})`;
    const kind = INTAKE_KINDS.find((each) => each === (written.kind ?? chooseKind(url ?? "").kind));
    if (kind === undefined) {
      problems.push(`${subject}: ${unknownKind(written.kind ?? "")}`);
      continue;
    }
    const wrong = await checkIntake({ kind, url, options });
    problems.push(...wrong.map((sentence) => `${subject}: ${sentence}`));
    if (wrong.length > 0) continue;
    const name = options["name"] ?? kind;
    if (name === FOLDER_NAME) {
      problems.push(`${subject}: the name "${name}" is the folder's own; give the exporter another with name=….`);
    } else if (specs.some((spec) => spec.name === name)) {
      problems.push(`${subject}: two exporters have the name "${name}"; give one of them another with name=….`);
    } else {
      const table = intakeOf(kind).options;
      const secrets = new Set(Object.keys(table).filter((option) => table[option].secret));
      specs.push(exporterSpec({ name, kind, url, options }, secrets));
    }
  }
  return { specs, problems };
}

function unknownKind(kind: string): string {
  const shown = JSON.stringify(kind.slice(0, 40));
  const meant = suggest(kind, INTAKE_KINDS);
  const list = `there are ${INTAKE_KINDS.join(", ")}`;
  return `there is no intake ${shown}; ${meant === undefined ? `${list}.` : `did you mean ${meant}?`}`;
}
