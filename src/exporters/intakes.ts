import type { Destination } from "../delivery/destination.js";
import { datadog } from "./datadog.js";
import { datakit } from "./datakit.js";
import type { IntakeModule, IntakeSpec } from "./intake.js";
import { otlp } from "./otlp.js";
import { parca } from "./parca.js";
import { profefe } from "./profefe.js";
import { pyroscope } from "./pyroscope.js";

/** Every kind of intake, in the order in which help lists them. */
export const INTAKES: readonly IntakeModule[] = [datadog, datakit, pyroscope, parca, otlp, profefe];

export interface ChosenIntake {
  readonly intake: IntakeModule;
  /** What in the URL told it, for people: 'its port 4040'. */
  readonly because: string;
}

/** What a path says at its end. */
const PATHS: readonly (readonly [pattern: RegExp, kind: string])[] = [
  [/\/api\/v2\/profile$/, "datadog"],
  [/\/push\.v1\.PusherService\/Push$|\/ingest$/, "pyroscope"],
  [/\/profiles\/writeraw$/, "parca"],
  [/\/v1development\/profiles$/, "otlp"],
  [/\/api\/0\/profiles$/, "profefe"],
];

/** Ports beside each intake's own: OTLP has one for HTTP. */
const PORTS: Readonly<Record<string, string>> = { "4318": "otlp" };

/** Words of a host's name: of a service in a cluster, or of somebody's cloud. */
const HOSTS: readonly (readonly [pattern: RegExp, kind: string])[] = [
  [/\bdatakit/, "datakit"],
  [/\bpyroscope|\bprofiles-prod-\d+\.grafana\.net$/, "pyroscope"],
  [/\bparca/, "parca"],
  [/\bprofefe/, "profefe"],
  [/\botel|\bopentelemetry/, "otlp"],
  [/\bdatadog|\bddog-gov\.com$/, "datadog"],
];

/**
 * The kind of intake that a URL means when nobody names one: by its path, its port, a word in its host's name; and else Datadog's, at
 * whose door the older agents' COLLECTION_AGENT has always stood.
 */
export function chooseIntake(text: string): ChosenIntake {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const path = url?.pathname.replace(/\/+$/, "") ?? "";
  const port = url?.port ?? "";
  const host = url?.hostname ?? "";
  const isSocket = url?.protocol === "unix:";
  const byPath = isSocket ? undefined : PATHS.find(([pattern]) => pattern.test(path));
  if (byPath !== undefined) return { intake: intakeOf(byPath[1]), because: `its path ${path}` };
  const byPort = INTAKES.find((intake) => String(intake.port) === port)?.kind ?? PORTS[port];
  if (byPort !== undefined) return { intake: intakeOf(byPort), because: `its port ${port}` };
  const byHost = HOSTS.find(([pattern]) => pattern.test(host));
  if (byHost !== undefined) return { intake: intakeOf(byHost[1]), because: `its host's name ${host}` };
  return { intake: datadog, because: "nothing in it that says otherwise" };
}

/** @throws {Error} one sentence that lists the kinds there are. */
export function intakeOf(kind: string): IntakeModule {
  const found = INTAKES.find((intake) => intake.kind === kind);
  if (found !== undefined) return found;
  const shown = kind.replace(/[\0-\x1f\x7f]/g, " ").slice(0, 40);
  throw new Error(`there is no intake "${shown}"; there are ${INTAKES.map((intake) => intake.kind).join(", ")}.`);
}

/** A destination of the kind that is named, or that the URL means. Throws Error with one sentence that names the wrong value. */
export function openIntake(spec: IntakeSpec & { readonly kind: string | undefined }): Destination {
  const intake = spec.kind === undefined ? chooseIntake(spec.url ?? "").intake : intakeOf(spec.kind);
  return intake.open(spec);
}
