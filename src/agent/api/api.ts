import { hostname } from "node:os";
import type { Capture } from "../../capture/capture.js";
import { createAccess } from "../../http/access.js";
import { openHttpServer, type HttpServer } from "../../http/server.js";
import { readToken } from "../../http/token-file.js";
import { registerApi } from "../../metrics/api.js";
import type { MetricRegistry } from "../../metrics/registry.js";
import type { AgentOptions, ListenAddress } from "../../model/agent-options.js";
import type { LabelledProfile } from "../../model/labelled-profile.js";
import type { Log } from "../../model/log.js";
import { makeProfiles, noLabelCounts, type MakeProfilesModules } from "../make-profiles.js";
import type { WantedExporter } from "../exporter-slot.js";
import type { SamplingRate } from "../sampling-rate.js";
import type { AgentSettings } from "../settings.js";
import type { Sources } from "../sources.js";
import { KeptProfiles } from "./kept-profiles.js";
import { mayMatch } from "./profile-filter.js";
import { Recordings } from "./recordings.js";
import { apiRoutes, type ApiEncoder } from "./routes.js";

export interface ApiSetting {
  readonly options: Pick<AgentOptions, "apiListen" | "apiTokenFile" | "apiRecordings" | "apiProfilesBytes">;
  readonly log: Log;
  readonly metrics: MetricRegistry;
  readonly encoder: ApiEncoder;
  /** Aborts when the agent is to stop. */
  readonly stopping: AbortSignal;
  readonly encode: (labelled: LabelledProfile) => Promise<Uint8Array>;
}

/** What recordings are made with; all of it is the windows' own. */
export interface ApiModules extends Omit<MakeProfilesModules, "counts" | "groups" | "redactKey" | "demangling"> {
  readonly capture: Capture;
  readonly rate: Pick<SamplingRate, "frequencyHz" | "demand">;
  readonly sources: Pick<Sources, "pods" | "mayTellMore">;
  /** Those that hold now. */
  readonly settings: () => AgentSettings;
}

/** The HTTP API of a node: profiles of whatever is asked for, and those of the last windows. */
export interface Api {
  /** Keeps the last windows' profiles, whatever becomes of the options. */
  readonly wanted: WantedExporter;
  /** Listens from now on; rejects with the system's error where it cannot. */
  serve(modules: ApiModules): Promise<void>;
  close(): Promise<void>;
}

/** Of all recordings together. A minute of 64 busy CPUs at 19 Hz takes some 15 MiB. */
const RECORDING_BYTES = 32 << 20;
/** What is being named when the agent stops is answered, if it can be by then. */
const SETTLE_MS = 500;
/** Each takes some 20 KiB while it waits; whoever is above what is recorded at once has an answer at once. */
const MAX_CONNECTIONS = 256;

/** Nothing is answered yet. `listen`: where it will be. */
export function prepareApi(listen: ListenAddress, setting: ApiSetting): Api {
  const { options, encode, log } = setting;
  const kept = new KeptProfiles(options.apiProfilesBytes, encode);
  let http: HttpServer | undefined;
  let recordings: Recordings | undefined;
  return {
    wanted: { name: kept.name, key: "", open: () => kept },
    serve: async (modules) => {
      recordings = recordingsOf(setting, modules);
      http = await openServer(listen, setting, modules, { recordings, kept });
      log.info("api_listening", { address: http.address, token: options.apiTokenFile !== undefined });
    },
    close: async () => {
      await recordings?.settled(SETTLE_MS);
      await http?.close();
    },
  };
}

function recordingsOf({ options, stopping }: ApiSetting, modules: ApiModules): Recordings {
  const { capture, rate, ownership } = modules;
  return new Recordings({
    ...{ capture, rate, stopping, most: options.apiRecordings, memoryBytes: RECORDING_BYTES },
    wants: (query) => (thread) => {
      if (query.pid !== undefined && query.pid !== thread.pid) return false;
      const isKnown = capture.cgroups.path(thread.cgroup) !== undefined; // its first record may still be on its way
      return !isKnown || mayMatch(query, ownership.owner(thread.cgroup));
    },
    make: async (window, span) => {
      const counts = noLabelCounts();
      const settings = modules.settings();
      // Always apart by container: whose a sample is, is what is asked for.
      const groups = { ...settings.groups, profiles: "container" } as const;
      const batch = await makeProfiles(window, span, { ...modules, ...settings, groups, counts });
      return { batch, refused: counts.refused };
    },
  });
}

async function openServer(
  listen: ListenAddress,
  { options, log, metrics, encoder }: ApiSetting,
  modules: ApiModules,
  { recordings, kept }: { readonly recordings: Recordings; readonly kept: KeptProfiles },
): Promise<HttpServer> {
  const { node } = modules.settings();
  const targets = {
    ...{ node, pods: modules.sources.pods },
    get selection() {
      return modules.settings().selection;
    },
  };
  const requests = new RequestCounts();
  registerApi(metrics, { requests: () => requests.rows(), recordings, kept });
  const { apiTokenFile } = options;
  return openHttpServer({
    listen,
    routes: apiRoutes({ recordings, kept, encoder, log, targets }),
    methods: ["GET"],
    maxConnections: MAX_CONNECTIONS,
    gate: createAccess({
      token: apiTokenFile === undefined ? undefined : () => readToken(apiTokenFile),
      names: [node, hostname(), listen.host],
    }),
    onAnswer: (route, status) => {
      requests.add(route, status);
    },
    onFailure: (path, error) => {
      log.repeated("error", "api_failed", path, { error });
    },
  });
}

/** Answers by path and status; of paths there are as many as routes. */
class RequestCounts {
  private readonly counts = new Map<string, number>();

  add(route: string, status: number): void {
    const key = `${route} ${status}`;
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
  }

  *rows(): Iterable<readonly [string, string, number]> {
    for (const [key, count] of this.counts) {
      const [route, status] = key.split(" ");
      yield [route === "" ? "other" : route, status, count];
    }
  }
}
