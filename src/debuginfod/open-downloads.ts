import type { DebuginfodOptions } from "../model/debuginfod-options.js";
import type { Clock } from "../util/clock.js";
import { CLIENT_LIMITS, DebuginfodClient } from "./client.js";
import { DownloadFolder } from "./download-folder.js";
import { type DownloadListener, Downloads } from "./downloads.js";
import { serversKey } from "./servers-key.js";
import type { DebuginfodServer } from "./servers.js";

export interface OpenDownloadsOptions {
  readonly servers: readonly DebuginfodServer[];
  readonly limits: Pick<DebuginfodOptions, "debuginfodBytes" | "debuginfodFileBytes">;
  readonly directory: string;
  /** Of one file: to the first line of an answer, and to its end. */
  readonly answerMs?: number;
  readonly totalMs: number;
  readonly buildIdOf: (fd: number) => Promise<string>;
  readonly clock: Clock;
  readonly listener: DownloadListener;
}

export interface OpenedDownloads {
  readonly downloads: Downloads;
  readonly folder: DownloadFolder;
  /** Ends what is under way, in a moment. */
  readonly close: () => Promise<void>;
}

/** Downloads into a folder. Nothing is asked, or made, before something is wanted. */
export function openDownloads(options: OpenDownloadsOptions): OpenedDownloads {
  const { servers, limits, directory, answerMs, totalMs, clock } = options;
  const fileBytes = Math.min(limits.debuginfodFileBytes, limits.debuginfodBytes);
  const client = new DebuginfodClient({
    ...{ ...CLIENT_LIMITS, fileBytes, totalMs },
    ...(answerMs === undefined ? {} : { answerMs }),
  });
  const folder = new DownloadFolder({
    ...{ directory, maxBytes: limits.debuginfodBytes, clock },
    serversKey: serversKey(servers),
  });
  const downloads = new Downloads({
    ...{ servers, folder, clock, buildIdOf: options.buildIdOf, listener: options.listener },
    get: (...question) => client.get(...question),
    random: Math.random,
  });
  return {
    ...{ downloads, folder },
    close: async () => {
      await downloads.close();
      client.close();
    },
  };
}
