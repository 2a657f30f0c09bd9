import { findClusterAccess } from "../kubernetes/find-cluster.js";
import { openLogDestination } from "../logging/destination.js";
import { createLog } from "../logging/log.js";
import type { AgentOptions } from "../model/agent-options.js";
import { EXIT } from "../model/exit-codes.js";
import type { AgentConfiguration } from "./agent-configuration.js";
import type { AgentSource } from "./agent-source.js";
import { refuseWhereNothingWorks } from "./obstacles.js";
import { isLoopback } from "./agent-values.js";
import type { Output } from "./output.js";
import { UsageError } from "./usage-error.js";

const STDOUT = 1;
/** Lines that wait for a reader when the agent ends. */
const LAST_LINES_MS = 500;

/** `hostflame agent`: everything that can be known to fail is found before anything is sampled. `source`: where it is read again. */
export async function agent(
  { options, warnings }: AgentConfiguration,
  source: AgentSource,
  stdout: Output,
): Promise<number> {
  if (options.kubernetes === "on" && findClusterAccess(process.env) === undefined) {
    throw new UsageError(
      "--kubernetes is on, and there is neither a service account (KUBERNETES_SERVICE_HOST) nor KUBECONFIG: run in a pod, name a kubeconfig, or leave it at auto.",
    );
  }
  await refuseOpenApi(options);
  refuseWhereNothingWorks("sample");
  const destination = openLogDestination(STDOUT, stdout.terminal ? { color: stdout.color } : undefined);
  const log = createLog({
    level: options.logLevel,
    write: (line) => {
      destination.write(line);
    },
    nowMs: () => Date.now(),
  });
  // A mistake of ours is a line in the log like everything else, and an exit code that makes Kubernetes start anew.
  process.once("uncaughtException", (error) => {
    log.error("crashed", { error: error.stack ?? error.message });
    void destination.close(LAST_LINES_MS).then(() => process.exit(EXIT.failed));
  });
  for (const warning of warnings) log.warn("configuration", { warning });
  try {
    const { runAgent } = await import("../agent.js");
    return await runAgent(options, source, {
      log,
      logLinesDropped: () => destination.dropped,
      setLogLevel: (level) => {
        log.setLevel(level);
      },
    });
  } finally {
    await destination.close(LAST_LINES_MS);
  }
}

/** Profiles say what everybody on the node runs: nobody gets them from afar without a token. */
async function refuseOpenApi({ apiListen, apiTokenFile }: AgentOptions): Promise<void> {
  if (apiListen === "off") return;
  if (apiTokenFile === undefined) {
    if (isLoopback(apiListen.host)) return;
    throw new UsageError(
      `--api-listen ${apiListen.host} can be reached from other machines, and there is no --api-token-file: name a file with a token, or listen on 127.0.0.1.`,
    );
  }
  const { readToken } = await import("../http/token-file.js");
  await readToken(apiTokenFile).catch((error: unknown) => {
    throw new UsageError(`--api-token-file: ${error instanceof Error ? error.message : String(error)}`);
  });
}
