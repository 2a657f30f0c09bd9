import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Interrupt } from "./interrupt.js";
import type { RecordOptions } from "./model/record-options.js";
import type { RecordReporter } from "./model/record-reporter.js";
import { AnsweredNamer } from "./naming/answered-namer.js";
import type { NamedWindow, Namer } from "./naming/name-window.js";
import { systemClock } from "./util/clock.js";

export interface RecordNames {
  readonly options: RecordOptions;
  readonly namer: Namer;
  readonly buildIdOf: (fd: number) => Promise<string>;
  readonly interrupt: Interrupt;
  readonly reporter: RecordReporter;
}

const LOOK_MS = 100;
/** A server that says nothing for so long is not waited for: somebody is waiting here. */
const ANSWER_MS = 10_000;
/** A debug file may refer to another one, which holds what several have in common. */
const MAX_ROUNDS = 3;

/** Where a recording keeps debug files, by the XDG base directory specification unless somebody says otherwise. */
export function recordDebuginfodDir({ debuginfodDir }: RecordOptions): string {
  const caches = process.env["XDG_CACHE_HOME"] ?? "";
  return debuginfodDir ?? join(isAbsolute(caches) ? caches : join(homedir(), ".cache"), "hostflame/debuginfod");
}

/**
 * Names a window; where servers of debug files are named, has those downloaded that are missing, waits for them for as long as the
 * options say or until a signal comes, and names it again by what came.
 */
export async function nameRecording(
  nameBy: (namer: Namer) => Promise<NamedWindow>,
  names: RecordNames,
): Promise<NamedWindow> {
  const { options, namer } = names;
  if (options.debuginfodUrls.length === 0 || options.debuginfodWaitMs === 0) return nameBy(namer);
  const answered = new AnsweredNamer(namer);
  let named = await nameBy(answered);
  if (answered.wanted.size === 0) return named;
  const fetcher = await openFetcher(names);
  if (fetcher === undefined) return named;
  try {
    for (let round = 0; round < MAX_ROUNDS && answered.wanted.size > 0; round++) {
      const arrived = await fetcher.fetch(answered.wanted);
      if (arrived.size === 0) break;
      await answered.arrived(arrived);
      named = await nameBy(answered);
    }
  } finally {
    await fetcher.close();
  }
  return named;
}

interface Fetcher {
  /** Gives those that came. */
  fetch(buildIds: Iterable<string>): Promise<ReadonlySet<string>>;
  readonly close: () => Promise<void>;
}

/** Loaded only where something is missing. Undefined where no server is asked. */
async function openFetcher({ options, buildIdOf, interrupt, reporter }: RecordNames): Promise<Fetcher | undefined> {
  const [{ openDownloads }, { readServers }] = await Promise.all([
    import("./debuginfod/open-downloads.js"),
    import("./debuginfod/servers.js"),
  ]);
  const { servers, skipped } = readServers(options.debuginfodUrls);
  for (const sentence of skipped) reporter.warn(sentence);
  if (servers.length === 0) return undefined;
  const arrived = new Set<string>();
  const waitMs = options.debuginfodWaitMs;
  const warned = new Set<string>();
  const warnOnce = (detail: string): void => {
    if (!warned.has(detail)) reporter.warn(detail);
    warned.add(detail);
  };
  const { downloads, close } = openDownloads({
    ...{ servers, limits: options, buildIdOf, clock: systemClock },
    directory: recordDebuginfodDir(options),
    answerMs: ANSWER_MS,
    totalMs: waitMs,
    listener: {
      arrived: (buildId) => arrived.add(buildId),
      away: (_, detail) => {
        warnOnce(detail);
      },
      refused: (_, detail) => {
        warnOnce(detail);
      },
      notKept: (_, detail) => {
        warnOnce(detail);
      },
    },
  });
  const startMs = performance.now();
  interrupt.renew();
  return {
    close,
    fetch: async (buildIds) => {
      arrived.clear();
      for (const buildId of buildIds) downloads.want(buildId);
      // What is not under way waits for a server that is away: so long nobody waits here.
      while (downloads.isBusy && !interrupt.asked && performance.now() - startMs < waitMs) {
        const elapsedMs = performance.now() - startMs;
        const { waiting, receivedBytes: bytes } = downloads;
        reporter.downloading({ elapsedMs, waitMs, arrived: arrived.size, waiting, bytes });
        await sleep(LOOK_MS);
      }
      reporter.done();
      const { waiting } = downloads;
      if (waiting > 0) {
        reporter.warn(`${waiting} debug files did not come in time; their functions have no names, or no lines.`);
      }
      return new Set(arrived);
    },
  };
}
