/** Where each kind of intake listens unless somebody changed it; in the order in which help lists the kinds. */
export const INTAKE_PORTS = {
  datadog: 8126,
  datakit: 9529,
  pyroscope: 4040,
  parca: 7070,
  otlp: 4317,
  profefe: 10_100,
} as const;

export type IntakeKind = keyof typeof INTAKE_PORTS;

/** Every kind of intake; whoever asks loads none of them. */
export const INTAKE_KINDS = Object.keys(INTAKE_PORTS) as readonly IntakeKind[];

export interface ChosenKind {
  readonly kind: IntakeKind;
  /** What in the URL told it, for people: 'its port 4040'. */
  readonly because: string;
}

/** What a path says at its end. */
const PATHS: readonly (readonly [pattern: RegExp, kind: IntakeKind])[] = [
  [/\/api\/v2\/profile$/, "datadog"],
  [/\/push\.v1\.PusherService\/Push$|\/ingest$/, "pyroscope"],
  [/\/profiles\/writeraw$/, "parca"],
  [/\/v1development\/profiles$/, "otlp"],
  [/\/api\/0\/profiles$/, "profefe"],
];

/** Ports beside each intake's own: OTLP has one for HTTP. */
const PORTS: ReadonlyMap<string, IntakeKind> = new Map([
  ...INTAKE_KINDS.map((kind) => [String(INTAKE_PORTS[kind]), kind] as const),
  ["4318", "otlp"],
]);

/** Words of a host's name: of a service in a cluster, or of somebody's cloud. */
const HOSTS: readonly (readonly [pattern: RegExp, kind: IntakeKind])[] = [
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
export function chooseKind(text: string): ChosenKind {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const path = url?.pathname.replace(/\/+$/, "") ?? "";
  const port = url?.port ?? "";
  const host = url?.hostname ?? "";
  const isSocket = url?.protocol === "unix:";
  const byPath = isSocket ? undefined : PATHS.find(([pattern]) => pattern.test(path));
  if (byPath !== undefined) return { kind: byPath[1], because: `its path ${path}` };
  const byPort = PORTS.get(port);
  if (byPort !== undefined) return { kind: byPort, because: `its port ${port}` };
  const byHost = HOSTS.find(([pattern]) => pattern.test(host));
  if (byHost !== undefined) return { kind: byHost[1], because: `its host's name ${host}` };
  return { kind: "datadog", because: "nothing in it that says otherwise" };
}
