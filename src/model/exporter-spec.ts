import { inspect } from "node:util";

/** Stands for what nobody may see. */
export const MASK = "***";

/**
 * One place that profiles are sent to, as it was asked for: read and checked. Two of them are the same exactly when they are deeply
 * equal. Whatever prints one of {@link exporterSpec} (JSON, util.inspect) shows no secret.
 */
export interface ExporterSpec {
  /** What metrics and the spool call it; no two of an agent are the same. */
  readonly name: string;
  /** Of those in src/exporters/kinds.ts. */
  readonly kind: string;
  /** Without user, password and query; undefined where the kind knows its address from the options. */
  readonly url: string | undefined;
  /** Texts by name, secrets among them, as the kind's own table reads them. */
  readonly options: Readonly<Record<string, string>>;
}

/** Freezes a spec. `secrets` are the names of the options whose texts are never printed. */
export function exporterSpec(spec: ExporterSpec, secrets: ReadonlySet<string>): ExporterSpec {
  const masked = Object.fromEntries(
    Object.entries(spec.options).map(([name, text]) => [name, secrets.has(name) ? MASK : text]),
  );
  const options = { ...spec.options };
  // Not enumerable: what compares two specs, or reads the options, does not meet them.
  for (const printer of ["toJSON", inspect.custom]) Object.defineProperty(options, printer, { value: () => masked });
  return Object.freeze({ ...spec, options: Object.freeze(options) });
}
