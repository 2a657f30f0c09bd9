import { openLogDestination } from "../logging/destination.js";
import { createLog } from "../logging/log.js";
import type { AgentOptions } from "../model/agent-options.js";
import { refuseWhereNothingWorks } from "./obstacles.js";
import type { Output } from "./output.js";

const STDOUT = 1;
/** Lines that wait for a reader when the agent ends. */
const LAST_LINES_MS = 500;

/** `hostflame agent`: everything that can be known to fail is found before anything is sampled. */
export async function agent(options: AgentOptions, stdout: Output): Promise<number> {
  refuseWhereNothingWorks("sample");
  const destination = openLogDestination(STDOUT, stdout.terminal ? { color: stdout.color } : undefined);
  const log = createLog({
    level: options.logLevel,
    write: (line) => {
      destination.write(line);
    },
    nowMs: () => Date.now(),
  });
  try {
    const { runAgent } = await import("../agent.js");
    return await runAgent(options, { log, logLinesDropped: () => destination.dropped });
  } finally {
    await destination.close(LAST_LINES_MS);
  }
}
