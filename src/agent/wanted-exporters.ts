import { openFileExporter } from "../exporters/file.js";
import type { AgentOptions } from "../model/agent-options.js";
import type { LabelledProfile } from "../model/labelled-profile.js";
import type { Log } from "../model/log.js";
import { TOOL } from "../model/tool.js";
import { encodePprofGzip } from "../profiles/pprof.js";
import type { WantedExporter } from "./exporter-slot.js";

/**
 * Every exporter that the options want, none of them open yet. The intakes' code is read only where there is one: five MiB of
 * memory that are not taken where nothing is sent.
 */
export async function wantedExporters(options: AgentOptions, log: Log): Promise<readonly WantedExporter[]> {
  const files = wantedFiles(options);
  if (options.exporters.length === 0) return files;
  const { wantedIntakes } = await import("./intakes.js");
  return [...files, ...wantedIntakes(options, log)];
}

function wantedFiles({ outputDir, outputBytes }: AgentOptions): readonly WantedExporter[] {
  if (outputDir === "off") return [];
  const file = { directory: outputDir, maxBytes: outputBytes, encode };
  return [{ name: "file", key: JSON.stringify([outputDir, outputBytes]), open: () => openFileExporter(file) }];
}

function encode({ profile, service, env, version, labels }: LabelledProfile): Promise<Uint8Array> {
  // Last, so that no label of a pod's that is asked for by one of these names stands for it.
  const own = new Map([...labels, ["service", service], ["env", env], ["version", version]]);
  return encodePprofGzip(profile, { comments: [TOOL], labels: own });
}
