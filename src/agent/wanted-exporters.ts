import { openFileExporter, type FileExporterOptions } from "../exporters/file.js";
import type { AgentOptions } from "../model/agent-options.js";
import type { Log } from "../model/log.js";
import type { WantedExporter } from "./exporter-slot.js";

/**
 * Every exporter that the options want, none of them open yet. The intakes' code is read only where there is one: five MiB of
 * memory that are not taken where nothing is sent.
 */
export async function wantedExporters(
  options: AgentOptions,
  log: Log,
  encode: FileExporterOptions["encode"],
): Promise<readonly WantedExporter[]> {
  const files = wantedFiles(options, encode);
  if (options.exporters.length === 0) return files;
  const { wantedIntakes } = await import("./intakes.js");
  return [...files, ...wantedIntakes(options, log)];
}

function wantedFiles(
  { outputDir, outputBytes }: AgentOptions,
  encode: FileExporterOptions["encode"],
): readonly WantedExporter[] {
  if (outputDir === "off") return [];
  const file = { directory: outputDir, maxBytes: outputBytes, encode };
  return [{ name: "file", key: JSON.stringify([outputDir, outputBytes]), open: () => openFileExporter(file) }];
}
