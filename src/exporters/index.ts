import type { Exporter } from "./exporter.js";
import { openFileExporter, type FileExporterOptions } from "./file.js";

/** What each exporter is told; one that is not named here is not wanted. */
export interface ExporterOptions {
  readonly file: FileExporterOptions;
}

/** Every exporter there is, in the order in which metrics and readiness list them. */
export function openExporters(options: ExporterOptions): readonly Exporter[] {
  return [openFileExporter(options.file)];
}
