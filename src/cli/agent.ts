import { Hangup } from "../agent/reload/hangup.js";
import { WatchedFiles } from "../agent/reload/watched-files.js";
import { findClusterAccess } from "../kubernetes/find-cluster.js";
import { openLogDestination } from "../logging/destination.js";
import { createLog } from "../logging/log.js";
import type { AgentOptions } from "../model/agent-options.js";
import { EXIT } from "../model/exit-codes.js";
import { agentOptions } from "./agent-options.js";
import { UsageError } from "./arguments.js";
import { refuseWhereNothingWorks } from "./obstacles.js";
import type { Output } from "./output.js";

const STDOUT = 1;
/** Lines that wait for a reader when the agent ends. */
const LAST_LINES_MS = 500;

/**
 * `hostflame agent`: everything that can be known to fail is found before anything is sampled. `read` reads the options again, as
 * they were read at first; it throws {@link UsageError}.
 */
export async function agent(options: AgentOptions, read: () => AgentOptions, stdout: Output): Promise<number> {
  const hangup = new Hangup();
  if (options.kubernetes === "on" && findClusterAccess(process.env) === undefined) {
    throw new UsageError(
      "--kubernetes is on, and there is neither a service account (KUBERNETES_SERVICE_HOST) nor KUBECONFIG: run in a pod, name a kubeconfig, or leave it at auto.",
    );
  }
  await refuseWrongIntake(options);
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
  try {
    const { runAgent } = await import("../agent.js");
    const source = {
      ...{ hangup, files: new WatchedFiles() },
      read: () => Promise.resolve().then(read),
      nameOf: (name: keyof AgentOptions) => agentOptions[name].flag,
    };
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

/** What an intake's own reader objects to is a wrong value like any other. */
async function refuseWrongIntake(options: AgentOptions): Promise<void> {
  if (options.collectionAgent === undefined) return;
  const { openDestinations } = await import("../agent/intakes.js");
  try {
    openDestinations(options);
  } catch (error) {
    throw new UsageError(`--collection-agent: ${error instanceof Error ? error.message : String(error)}`);
  }
}
