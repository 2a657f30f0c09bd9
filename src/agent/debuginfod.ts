import { openDownloads } from "../debuginfod/open-downloads.js";
import { NotKept } from "../debuginfod/failure.js";
import { readServers } from "../debuginfod/servers.js";
import { registerDebuginfod } from "../metrics/debuginfod.js";
import type { MetricRegistry } from "../metrics/registry.js";
import type { AgentOptions } from "../model/agent-options.js";
import type { Log } from "../model/log.js";
import type { NameCache } from "../naming/name-cache.js";
import { systemClock } from "../util/clock.js";
import type { AgentHealth, PartHealth } from "./health.js";

export interface DebuginfodParts {
  readonly names: Pick<NameCache, "onDebugFileWanted" | "debugFileArrived">;
  /** Reads the build ID of an open file, off this thread. */
  readonly buildIdOf: (fd: number) => Promise<string>;
  readonly log: Log;
  readonly metrics: MetricRegistry;
  readonly health: AgentHealth;
}

/** Debug files, downloaded while the agent samples. */
export interface AgentDebuginfod {
  /** Ends what is under way, in a moment. */
  readonly close: () => Promise<void>;
}

/**
 * Has the debug files downloaded that names are missing, beside everything else: no window waits for one, and when it comes, what was
 * learned of its executables is asked anew. Undefined where no server is named that is asked.
 */
export async function openDebuginfod(
  options: AgentOptions,
  { names, buildIdOf, log, metrics, health }: DebuginfodParts,
): Promise<AgentDebuginfod | undefined> {
  const { servers, skipped } = readServers(options.debuginfodUrls);
  for (const detail of skipped) log.warn("debuginfod_skipped", { detail });
  if (servers.length === 0) return undefined;
  const directory = options.debuginfodDir;
  const noteFolder = (problem: string, detail: string): void => {
    log.repeated("warn", "debuginfod_not_kept", problem, { detail });
  };
  const { downloads, folder, close } = openDownloads({
    ...{ servers, directory, limits: options, totalMs: options.debuginfodTimeoutMs, buildIdOf, clock: systemClock },
    listener: {
      arrived: (buildId, bytes, server) => {
        log.info("debuginfod_arrived", { buildId, bytes, server });
        names.debugFileArrived(buildId);
      },
      away: (reason, detail) => {
        log.repeated("warn", "debuginfod_away", reason, { detail });
      },
      refused: (reason, detail, buildId) => {
        log.repeated("warn", "debuginfod_refused", reason, { buildId, detail });
      },
      notKept: noteFolder,
    },
  });
  log.info("debuginfod", { servers: servers.map(({ shown }) => shown), directory });
  await folder.open().catch((error: unknown) => {
    if (!(error instanceof NotKept)) throw error;
    noteFolder(error.problem, error.message); // it may be mended before something is wanted
  });
  registerDebuginfod(metrics, {
    results: () => downloads.results,
    givenUp: () => downloads.givenUp,
    receivedBytes: () => downloads.receivedBytes,
    waiting: () => downloads.waiting,
    folderBytes: () => folder.bytes,
    evictions: () => folder.evictions,
  });
  health.add("debuginfod", () => healthOf(downloads));
  names.onDebugFileWanted = (buildId) => {
    downloads.want(buildId);
  };
  return { close };
}

function healthOf({ away, waiting, results }: DownloadsStatus): PartHealth {
  if (away.length > 0) {
    return { state: "degraded", detail: `${away.join(" and ")} gave no answer, and is left alone for a while.` };
  }
  return { state: "ok", detail: `${results.get("downloaded") ?? 0} debug files came so far, ${waiting} wait.` };
}

interface DownloadsStatus {
  readonly away: readonly string[];
  readonly waiting: number;
  readonly results: ReadonlyMap<string, number>;
}
