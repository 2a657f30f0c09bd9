import type { ServiceVariables } from "../model/container.js";
import type { Owner } from "../model/owner.js";
import type { ProcessFacts } from "../processes/process-table.js";
import { annotationOf, ENV_ANNOTATION, labelOf, SERVICE_ANNOTATION, VERSION_ANNOTATION } from "./annotations.js";
import { cleanName } from "./name.js";
import { resourceAttribute } from "./resource-attributes.js";

/** Under what a profile is filed. */
export interface ServiceIdentity {
  /** Never empty. */
  readonly service: string;
  /** "" when nobody said. */
  readonly env: string;
  readonly version: string;
}

/** The agent's own options: for what nobody named. */
export interface ServiceDefaults {
  readonly service: string;
  readonly env: string;
  readonly version: string;
}

/** All that a name can come from. */
export interface NameSources {
  readonly owner: Owner;
  /** What the process says of itself; undefined where it was not or may not be read. */
  readonly process: ProcessFacts | undefined;
  /** Name of the executable, or of the first thread; "" where several processes share the name. */
  readonly executable: string;
  readonly defaults: ServiceDefaults;
}

export interface NameRule {
  /** As docs/labels.md says it. */
  readonly from: string;
  /** Whether a process has to be read for it. */
  readonly ofProcess?: "variables" | "context";
  readonly read: (sources: NameSources) => string | undefined;
}

interface DatadogAndOtel {
  readonly annotation: string;
  readonly tag: "service" | "env" | "version";
  readonly variables: string;
  readonly read: (variables: ServiceVariables) => string;
}

const SERVICE: DatadogAndOtel = {
  annotation: SERVICE_ANNOTATION,
  tag: "service",
  variables: "`DD_SERVICE`, else `OTEL_SERVICE_NAME`, else `service.name` in `OTEL_RESOURCE_ATTRIBUTES`",
  read: ({ DD_SERVICE, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES }) =>
    firstName(DD_SERVICE, OTEL_SERVICE_NAME, resourceAttribute(OTEL_RESOURCE_ATTRIBUTES, "service.name")),
};
const ENV: DatadogAndOtel = {
  annotation: ENV_ANNOTATION,
  tag: "env",
  variables: "`DD_ENV`, else `deployment.environment.name` or `deployment.environment` in `OTEL_RESOURCE_ATTRIBUTES`",
  read: ({ DD_ENV, OTEL_RESOURCE_ATTRIBUTES }) =>
    firstName(
      DD_ENV,
      resourceAttribute(OTEL_RESOURCE_ATTRIBUTES, "deployment.environment.name", "deployment.environment"),
    ),
};
const VERSION: DatadogAndOtel = {
  annotation: VERSION_ANNOTATION,
  tag: "version",
  variables: "`DD_VERSION`, else `service.version` in `OTEL_RESOURCE_ATTRIBUTES`",
  read: ({ DD_VERSION, OTEL_RESOURCE_ATTRIBUTES }) =>
    firstName(DD_VERSION, resourceAttribute(OTEL_RESOURCE_ATTRIBUTES, "service.version")),
};

/** The first rule that gives a name wins; an empty name, or one of nothing but control characters, gives none. */
export const SERVICE_RULES: readonly NameRule[] = [
  ...rulesOf(SERVICE),
  {
    from: "the name of the pod's workload: its Deployment, StatefulSet, DaemonSet, CronJob, Job…; not the node of a static pod",
    read: ({ owner }) => (owner.pod?.workload?.kind === "Node" ? undefined : owner.pod?.workload?.name),
  },
  {
    from: "the name of the container",
    read: ({ owner }) => firstName(owner.podContainer?.name, owner.container?.name),
  },
  {
    from: "the systemd unit, without `.service`; a virtual machine's or container's scope without `.scope`; any other scope (a session's, a transient one's) names nothing that lasts",
    read: ({ owner }) => unitName(owner.unit ?? ""),
  },
  {
    from: "of what is in no container: the executable, or the first thread's name where the process was gone before it was read; `kernel` for the kernel's own threads",
    read: ({ owner, process, executable }) =>
      isInContainer(owner) ? undefined : process?.kernelThread === true ? "kernel" : executable,
  },
  {
    from: "the agent's own default service: `--service`, or `service:…` in its tags",
    read: ({ defaults }) => defaults.service,
  },
];

const BEFORE_CONTEXT = SERVICE_RULES.slice(
  0,
  SERVICE_RULES.findIndex(({ ofProcess }) => ofProcess === "context"),
);

export const ENV_RULES: readonly NameRule[] = [
  ...rulesOf(ENV),
  { from: "the agent's own default env", read: ({ defaults }) => defaults.env },
];

export const VERSION_RULES: readonly NameRule[] = [
  ...rulesOf(VERSION),
  {
    from: "pod label `app.kubernetes.io/version`",
    read: ({ owner }) => labelOf(owner.pod, "app.kubernetes.io/version"),
  },
  {
    from: "the tag of the container's image, if it is none of `latest`, and no digest",
    read: ({ owner }) => imageTag(firstName(owner.container?.image, owner.podContainer?.image)),
  },
  { from: "the agent's own default version", read: ({ defaults }) => defaults.version },
];

/** The name of what nothing is known of: a container that no runtime knows, several processes of the host together. */
const NAMELESS = "unknown";

export function serviceOf(sources: NameSources): ServiceIdentity {
  return {
    service: nameBy(SERVICE_RULES, sources) || NAMELESS,
    env: nameBy(ENV_RULES, sources),
    version: nameBy(VERSION_RULES, sources),
  };
}

/** Whether the service is named without reading any process's memory, by a rule that stands before its context. */
export function isNamedBeforeContext(owner: Owner): boolean {
  const sources = { owner, process: undefined, executable: "", defaults: { service: "", env: "", version: "" } };
  return nameBy(BEFORE_CONTEXT, sources) !== "";
}

/** The rules that Datadog's and OpenTelemetry's conventions give for all three names alike. */
function rulesOf({ annotation, tag, variables, read }: DatadogAndOtel): readonly NameRule[] {
  const [prefix, name] = annotation.split("/");
  const perContainer = (owner: Owner): string => owner.podContainer?.name ?? owner.container?.name ?? "";
  return [
    {
      from: `pod annotation \`${prefix}/<container>.${name}\``,
      read: ({ owner }) => annotationOf(owner.pod, `${prefix}/${perContainer(owner)}.${name}`),
    },
    { from: `pod annotation \`${annotation}\``, read: ({ owner }) => annotationOf(owner.pod, annotation) },
    {
      from: `pod label, or annotation, \`tags.datadoghq.com/<container>.${tag}\``,
      read: ({ owner }) => labelOrAnnotation(owner, `tags.datadoghq.com/${perContainer(owner)}.${tag}`),
    },
    {
      from: `pod label, or annotation, \`tags.datadoghq.com/${tag}\``,
      read: ({ owner }) => labelOrAnnotation(owner, `tags.datadoghq.com/${tag}`),
    },
    {
      from: `the process's own ${variables}`,
      ofProcess: "variables",
      read: ({ process }) => process && read(process.variables),
    },
    {
      from: "the same variables in the container's specification",
      read: ({ owner }) => owner.container && read(owner.container.variables),
    },
    {
      from: "the process's OpenTelemetry context (OTEP 4719), same attributes",
      ofProcess: "context",
      read: ({ process }) => process?.context?.[tag],
    },
  ];
}

function nameBy(rules: readonly NameRule[], sources: NameSources): string {
  for (const { read } of rules) {
    const name = cleanName(read(sources) ?? "");
    if (name !== "") return name;
  }
  return "";
}

function labelOrAnnotation({ pod }: Owner, name: string): string | undefined {
  return firstName(labelOf(pod, name), annotationOf(pod, name));
}

function firstName(...names: readonly (string | undefined)[]): string {
  return names.find((name) => name !== undefined && cleanName(name) !== "") ?? "";
}

function unitName(unit: string): string {
  if (unit.endsWith(".scope")) return unit.startsWith("machine-") ? unit.slice(0, -".scope".length) : "";
  return unit.replace(/\.service$/, "");
}

/** Also when no more is known of it than that. */
export function isInContainer({ containerId, podUid }: Owner): boolean {
  return containerId !== undefined || podUid !== undefined;
}

/** "1.27" of "docker.io:5000/library/nginx:1.27@sha256:…"; what a person moves, "latest", is no version. */
function imageTag(image: string): string {
  const name = image.split("@", 1)[0];
  const tag = /:([^:/]+)$/.exec(name)?.[1] ?? "";
  return tag === "latest" || /^[0-9a-f]{64}$/.test(tag) ? "" : tag;
}
