import type { Exporter } from "./exporter.js";
import { openFileExporter, type FileExporterOptions } from "./file.js";

/** What each exporter is told; one that is undefined is not wanted. */
export interface ExporterOptions {
  readonly file: FileExporterOptions | undefined;
}

/** Every exporter there is, in the order in which metrics and readiness list them. */
export function openExporters(options: ExporterOptions): readonly Exporter[] {
  return options.file === undefined ? [] : [openFileExporter(options.file)];
}
