import type { HttpAnswer, HttpRequest, HttpRoutes } from "../../http/server.js";
import type { FlamegraphAbout } from "../../flamegraph/page.js";
import type { Log } from "../../model/log.js";
import type { Profile } from "../../model/profile.js";
import { TOOL } from "../../model/tool.js";
import { encodePprofGzip, type PprofOptions } from "../../profiles/pprof.js";
import { json, page, pprofFile, sentence } from "./answers.js";
import { INDEX } from "./index-page.js";
import type { KeptProfile, KeptProfiles } from "./kept-profiles.js";
import { matches } from "./profile-filter.js";
import { readListQuery, readRecordingQuery } from "./query.js";
import type { Recording, Recordings } from "./recordings.js";
import { refusedTarget, type TargetSources } from "./refused-target.js";
import { ownLabels } from "../encode-profile.js";

export interface ApiParts {
  readonly recordings: Recordings;
  readonly kept: KeptProfiles;
  readonly targets: TargetSources;
  readonly encoder: ApiEncoder;
  readonly log: Log;
}

/** Makes bytes of profiles, off this thread. */
export interface ApiEncoder {
  /** Gzipped pprof. */
  readonly pprof: (profile: Profile, options: PprofOptions) => Promise<Uint8Array>;
  /** The page that shows a profile, or one's gzipped pprof, and its content security policy. */
  readonly flamegraph: (
    profile: Profile | Uint8Array,
    about: FlamegraphAbout,
  ) => Promise<{ readonly page: Uint8Array; readonly policy: string }>;
}

/** Sample rows that are encoded in less time, some 5 ms, than it takes to hand them to the worker, which may have to start. */
const SMALL = 1000;
const FILE = /^\/profiles\/([\w-]{1,64})\.(pb\.gz|html)$/;

/** What the API answers. */
export function apiRoutes(parts: ApiParts): HttpRoutes {
  return {
    "/debug/pprof/": ({ path }) =>
      path === "/debug/pprof/"
        ? page(INDEX, "default-src 'none'")
        : sentence(
            404,
            `There is no ${JSON.stringify(path.slice(0, 100))}: of other programs only CPU time is sampled, at /debug/pprof/profile.`,
          ),
    "/debug/pprof/profile": (request) =>
      recorded(request, parts, async ({ profile, threadLabels, notes }) => {
        const comments = [TOOL, ...notes];
        const encode = profile.samples.length > SMALL ? parts.encoder.pprof : encodePprofGzip;
        return pprofFile(await encode(profile, { comments, threadLabels }), "profile");
      }),
    "/flamegraph": (request) =>
      recorded(request, parts, async ({ profile }) => flamegraph(parts, profile, subject(request.query, parts))),
    "/profiles": ({ query }) => listed(query, parts.kept),
    "/profiles/": async ({ path }) => {
      const [, id = "", kind] = FILE.exec(path) ?? [];
      const kept = parts.kept.find(id);
      if (kept === undefined) {
        return sentence(404, "No such profile is kept, or not any more: /profiles lists those that are.");
      }
      return kind === "html"
        ? flamegraph(parts, kept.pprof, `${parts.targets.node} · ${kept.labelled.service}`)
        : pprofFile(kept.pprof, `${id}.pb.gz`);
    },
  };
}

async function recorded(
  { query, signal }: HttpRequest,
  { recordings, targets, log }: ApiParts,
  answerOf: (recording: Recording) => Promise<HttpAnswer>,
): Promise<HttpAnswer> {
  const read = readRecordingQuery(query);
  if ("problem" in read) return sentence(400, read.problem);
  const refused = refusedTarget(read.value, targets);
  if (refused !== undefined) return sentence(refused.status, refused.sentence);
  const result = await recordings.record(read.value, signal, async (recording) => {
    log.info("recorded", { ...read.value, samples: recording.samples, end: recording.end, notes: recording.notes });
    return answerOf(recording);
  });
  switch (result.kind) {
    case "recorded":
      return result.made;
    case "busy": {
      const retryAfter = String(Math.ceil(result.retryAfterMs / 1000));
      const why = "As many recordings as may (--api-recordings) are under way: ask again later.";
      return sentence(429, why, { "retry-after": retryAfter });
    }
    case "paused":
      return sentence(503, "Nothing is sampled now, for the agent has no CPU time left for it: ask again later.", {
        "retry-after": "60",
      });
    case "abandoned":
      return sentence(503, "The agent stops: ask again when it is back.");
  }
}

function listed(query: string, kept: KeptProfiles): HttpAnswer {
  const read = readListQuery(query);
  if ("problem" in read) return sentence(400, read.problem);
  const profiles = kept.all().filter(({ labelled }) => matches(read.value, ownLabels(labelled)));
  return json({ bytes: kept.bytes, maxBytes: kept.maxBytes, profiles: profiles.map(entry) });
}

function entry({ id, startNs, endNs, labelled, samples, pprof }: KeptProfile): object {
  const { service, env, version, labels } = labelled;
  return {
    id,
    start: new Date(Number(startNs / 1_000_000n)).toISOString(),
    seconds: Number((endNs - startNs) / 1_000_000n) / 1000,
    ...{ service, env, version },
    labels: Object.fromEntries(labels),
    samples,
    bytes: pprof.byteLength,
    pprof: `/profiles/${id}.pb.gz`,
    flamegraph: `/profiles/${id}.html`,
  };
}

async function flamegraph(
  { encoder }: ApiParts,
  profile: Recording["profile"] | Uint8Array,
  host: string,
): Promise<HttpAnswer> {
  const { page: html, policy } = await encoder.flamegraph(profile, { host, tool: TOOL });
  return page(html, policy);
}

/** What the page says that it shows: the node, and what of it was asked for. */
function subject(query: string, { targets }: ApiParts): string {
  const read = readRecordingQuery(query);
  if ("problem" in read) return targets.node;
  const { namespace, pod, container, pid } = read.value;
  const asked = [namespace, pod, container, pid === undefined ? undefined : `pid ${pid}`];
  return [targets.node, ...asked.filter((text) => text !== undefined)].join(" · ");
}
