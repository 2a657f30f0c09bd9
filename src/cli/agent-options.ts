import { INTAKE_KINDS } from "../exporters/kinds.js";
import { LOG_LEVELS } from "../model/log.js";
import {
  absolutePath,
  cronExpression,
  folderOrOff,
  cores,
  intakeUrl,
  labelText,
  listenAddress,
  metadataKey,
  namespace,
  podSelector,
  runDuration,
  tagList,
} from "./agent-values.js";
import { writtenExporter } from "./exporter-text.js";
import { agentDebuginfodOptions } from "./debuginfod-options.js";
import { OLDER_AGENT_VARIABLES } from "./older-agents.js";
import { list, optionalValue, repeated, value } from "./option.js";
import { DEMANGLE, EXCLUDE_INTERPRETERS, RING_MEMORY, UNWIND_MEMORY } from "./options.js";
import { bytes, duration, fileToRead, integer, oneOf, orWord } from "./values.js";

const MIB = 1024 ** 2;
/** Loaded and sampling, the agent holds 63 MiB. */
const MIN_MEMORY_LIMIT = 64 * MIB;

/** The one table of what `hostflame agent` can be told. */
export const agentOptions = {
  frequencyHz: value(integer(1, 999, "HZ"), {
    flag: "--frequency",
    defaultText: "19",
    help: "samples a second on each CPU",
  }),
  windowMs: value(duration(1000, 600_000), {
    flag: "--window",
    defaultText: "60s",
    help: "how long a window is; windows end at multiples of it of the wall clock, on all nodes at once",
  }),
  schedule: optionalValue(cronExpression, {
    flag: "--schedule",
    aliases: ["DK_PROFILE_SCHEDULE"],
    help: "sample only when this begins, in the local time zone (TZ), and rest in between; all the time unless given",
  }),
  durationMs: value(runDuration, {
    flag: "--duration",
    aliases: ["DK_PROFILE_DURATION"],
    defaultText: "60s",
    help: "how long to sample each time that --schedule says",
  }),
  profiles: value(oneOf(["container", "host"], "EACH"), {
    flag: "--profiles",
    defaultText: "container",
    help: "a profile for each service and container, or one for the whole host",
  }),
  outputDir: value(folderOrOff, {
    flag: "--output-dir",
    defaultText: "/var/lib/hostflame/profiles",
    help: "write each window's profiles here, as gzipped pprof; off: they are only sent",
  }),
  outputBytes: value(bytes(MIB, 1024 ** 4), {
    flag: "--output-bytes",
    defaultText: "256MiB",
    help: "room for all profiles in the folder; the oldest are removed beyond it",
  }),
  node: optionalValue(labelText("NAME", "a name"), {
    flag: "--node",
    aliases: ["KUBERNETES_NODE_NAME", "NODE_NAME"],
    help: "name of this node, by which its pods are asked for; the host's name unless given",
  }),
  tags: optionalValue(tagList, {
    flag: "--tags",
    aliases: ["OTEL_PROFILING_AGENT_TAGS", "DD_TAGS"],
    help: "labels of your own on every profile",
  }),
  service: optionalValue(labelText("NAME", "a name"), {
    flag: "--service",
    aliases: ["DD_SERVICE"],
    help: "service of what nothing else names, and of the whole host's profile",
  }),
  env: optionalValue(labelText("NAME", "a name"), {
    flag: "--env",
    aliases: ["DD_ENV", "DK_PROFILE_ENV"],
    help: "environment of services that name none, such as production",
  }),
  serviceVersion: optionalValue(labelText("VERSION", "a version"), {
    flag: "--service-version",
    aliases: ["DD_VERSION", "DK_PROFILE_VERSION"],
    help: "version of services that name none",
  }),
  exporter: repeated(writtenExporter, {
    flag: "--exporter",
    plural: "exporters",
    together: OLDER_AGENT_VARIABLES,
    help: "send each window's profiles to an intake, too; given several times or, in the variable, a line each: to all of them",
  }),
  collectionAgent: optionalValue(intakeUrl, {
    flag: "--collection-agent",
    aliases: ["OTEL_PROFILING_AGENT_COLLECTION_AGENT", "DD_TRACE_AGENT_URL"],
    help: "the same in short, for an intake that needs no options",
  }),
  intake: optionalValue(oneOf(INTAKE_KINDS, "KIND"), {
    flag: "--intake",
    help: "what listens there; told from the URL's path, port or host unless given, and else Datadog's agent",
  }),
  spoolDir: value(absolutePath("a folder", "FOLDER"), {
    flag: "--spool-dir",
    defaultText: "/var/lib/hostflame/spool",
    help: "keep here what an intake has not taken yet, through an outage or a restart",
  }),
  spoolBytes: value(bytes(MIB, 1024 ** 4), {
    flag: "--spool-bytes",
    defaultText: "256MiB",
    help: "room for that, of each intake; the oldest is dropped, and counted, beyond it",
  }),
  runtimeSockets: list(absolutePath("a container runtime's socket", "SOCKET"), {
    flag: "--runtime-socket",
    help: "sockets of container runtimes; looked for at the usual places unless given",
  }),
  kubernetes: value(oneOf(["auto", "on", "off"], "WHEN"), {
    flag: "--kubernetes",
    defaultText: "auto",
    help: "watch this node's pods; auto: where a service account or KUBECONFIG is found",
  }),
  mode: value(oneOf(["all", "opt-in"], "MODE"), {
    flag: "--mode",
    defaultText: "all",
    help: "profile all pods but those that opt out, or only those that opt in (annotation hostflame.io/profile)",
  }),
  host: value(oneOf(["auto", "on", "off"], "WHEN"), {
    flag: "--host",
    defaultText: "auto",
    help: "profile what is in no container: services of the host, the kernel's threads; auto: in mode all",
  }),
  includeNamespaces: list(namespace, {
    flag: "--include-namespace",
    help: "profile pods of these namespaces only",
  }),
  excludeNamespaces: list(namespace, {
    flag: "--exclude-namespace",
    help: "never profile pods of these namespaces",
  }),
  podSelector: optionalValue(podSelector, {
    flag: "--pod-selector",
    help: "profile only pods whose labels match",
  }),
  redactNamespaces: list(namespace, {
    flag: "--redact-namespace",
    help: "names of functions in pods of these namespaces leave the node hashed",
  }),
  redactKeyFile: optionalValue(absolutePath("a file with a key", "FILE"), {
    flag: "--redact-key-file",
    help: "key that those names are hashed under, the same on all nodes; a random one at each start unless given",
  }),
  demangling: value(DEMANGLE.kind, DEMANGLE),
  excludedInterpreters: list(EXCLUDE_INTERPRETERS.kind, EXCLUDE_INTERPRETERS),
  podLabels: list(metadataKey, {
    flag: "--pod-label",
    help: "labels of pods that become labels of their profiles",
  }),
  podAnnotations: list(metadataKey, {
    flag: "--pod-annotation",
    help: "annotations of pods that become labels of their profiles",
  }),
  ...agentDebuginfodOptions,
  listen: value(listenAddress, {
    flag: "--listen",
    defaultText: "0.0.0.0:9177",
    help: "where /metrics, /healthz and /readyz are answered",
  }),
  apiListen: value(listenAddress, {
    flag: "--api-listen",
    defaultText: "off",
    help: "where profiles are answered: /debug/pprof/profile, /flamegraph, /profiles; 127.0.0.1:9178 for this machine alone",
  }),
  apiTokenFile: optionalValue(absolutePath("a file with a token", "FILE"), {
    flag: "--api-token-file",
    help: "what whoever asks there must know; needed unless the address is loopback",
  }),
  apiRecordings: value(integer(1, 64, "NUMBER"), {
    flag: "--api-recordings",
    defaultText: "8",
    help: "profiles recorded at once for whoever asks; others are told to come again",
  }),
  apiProfilesBytes: value(bytes(0, 1024 ** 3), {
    flag: "--api-profiles-bytes",
    defaultText: "8MiB",
    help: "memory for the last windows' profiles, where there is an API; the oldest go beyond it",
  }),
  unwindMemoryBytes: value(UNWIND_MEMORY.kind, UNWIND_MEMORY),
  ringMemoryBytes: value(RING_MEMORY.kind, RING_MEMORY),
  config: optionalValue(fileToRead, {
    flag: "--config",
    help: "read options from this YAML file, too; its keys are the flags' names without dashes",
  }),
  memoryLimit: value(orWord(["auto", "off"], bytes(MIN_MEMORY_LIMIT, 1024 ** 4)), {
    flag: "--memory-limit",
    defaultText: "auto",
    help:
      "memory that the agent may take; auto: its cgroup's limit less a sixteenth. Near it, it sheds caches, then names of new code, " +
      "then unwind tables, then its rate, says so, and takes them back",
  }),
  cpuLimit: value(orWord(["auto", "off"], cores(0.001, 64)), {
    flag: "--cpu-limit",
    defaultText: "auto",
    help:
      "CPU time that the agent may take, BPF included, as a share of one core; auto: four fifths of its cgroup's quota. Above it, it sheds " +
      "conversions, then names of new code, then its rate, says so, and takes them back",
  }),
  logLevel: value(oneOf(LOG_LEVELS, "LEVEL"), {
    flag: "--log-level",
    defaultText: "info",
    help: "the least that is logged",
  }),
} as const;
