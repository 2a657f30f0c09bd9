import { LOG_LEVELS } from "../model/log.js";
import {
  absolutePath,
  cores,
  intakeUrl,
  labelText,
  listenAddress,
  metadataKey,
  namespace,
  oneOf,
  orWord,
  podSelector,
  tagList,
} from "./agent-values.js";
import { list, optionalValue, value } from "./option.js";
import { RING_MEMORY, UNWIND_MEMORY } from "./options.js";
import { bytes, duration, integer } from "./values.js";

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
  profiles: value(oneOf(["container", "host"], "EACH"), {
    flag: "--profiles",
    defaultText: "container",
    help: "a profile for each service and container, or one for the whole host",
  }),
  outputDir: value(absolutePath("a folder", "FOLDER"), {
    flag: "--output-dir",
    defaultText: "/var/lib/hostflame/profiles",
    help: "write each window's profiles here, as gzipped pprof",
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
  collectionAgent: optionalValue(intakeUrl, {
    flag: "--collection-agent",
    aliases: ["OTEL_PROFILING_AGENT_COLLECTION_AGENT", "DD_TRACE_AGENT_URL"],
    help: "send each window's profiles to the intake that listens here, too",
  }),
  intake: optionalValue(oneOf(["datadog", "datakit", "pyroscope", "parca", "otlp", "profefe"], "KIND"), {
    flag: "--intake",
    help: "what listens there; told from the URL's path, port or host unless given, and else Datadog's agent",
  }),
  spoolDir: value(absolutePath("a folder", "FOLDER"), {
    flag: "--spool-dir",
    defaultText: "/var/lib/hostflame/spool",
    help: "keep here what the intake has not taken yet, through an outage or a restart",
  }),
  spoolBytes: value(bytes(MIB, 1024 ** 4), {
    flag: "--spool-bytes",
    defaultText: "256MiB",
    help: "room for that; the oldest is dropped, and counted, beyond it",
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
  podLabels: list(metadataKey, {
    flag: "--pod-label",
    help: "labels of pods that become labels of their profiles",
  }),
  podAnnotations: list(metadataKey, {
    flag: "--pod-annotation",
    help: "annotations of pods that become labels of their profiles",
  }),
  listen: value(listenAddress, {
    flag: "--listen",
    defaultText: "0.0.0.0:9177",
    help: "where /metrics, /healthz and /readyz are answered",
  }),
  unwindMemoryBytes: value(UNWIND_MEMORY.kind, UNWIND_MEMORY),
  ringMemoryBytes: value(RING_MEMORY.kind, RING_MEMORY),
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
