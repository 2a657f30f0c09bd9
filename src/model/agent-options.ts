import type { DebuginfodOptions } from "./debuginfod-options.js";
import type { Demangling } from "./demangling.js";
import type { InterpreterName } from "./interpreter.js";
import type { ExporterSpec } from "./exporter-spec.js";
import type { LogLevel } from "./log.js";

/** Where HTTP is answered; port 0 takes any free one. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** What the agent was asked for; made by the command line, frozen, complete. */
export interface AgentOptions extends DebuginfodOptions {
  /** Ticks a second on each CPU, 1 to 999. */
  readonly frequencyHz: number;
  /** Windows end at multiples of it of the wall clock. */
  readonly windowMs: number;
  /** When sampling begins, as cron says it, checked; undefined where it is continuous. */
  readonly schedule: string | undefined;
  /** How long it lasts each time. */
  readonly durationMs: number;
  /** Name of this node; the host's name when undefined. */
  readonly node: string | undefined;
  /** "key:value,key:value" of the operator's, put on every profile; checked. */
  readonly tags: string | undefined;
  /** Where nobody else said. */
  readonly service: string | undefined;
  readonly env: string | undefined;
  readonly serviceVersion: string | undefined;
  /** Where profiles are sent to, each under a name of its own. */
  readonly exporters: readonly ExporterSpec[];
  /** What an intake did not take yet is kept here. */
  readonly spoolDir: string;
  /** Of each intake. */
  readonly spoolBytes: number;
  /** One profile for each service and container, or one for the host. */
  readonly profiles: "container" | "host";
  /** An absolute path, or "off": profiles are only sent. */
  readonly outputDir: string;
  /** All profiles in the directory together. */
  readonly outputBytes: number;
  /** Absolute paths; the usual ones are tried when empty. */
  readonly runtimeSockets: readonly string[];
  /** "auto": where the environment says that there is a cluster. */
  readonly kubernetes: "auto" | "on" | "off";
  readonly mode: "all" | "opt-in";
  /** What is in no container; "auto": where the mode is "all". */
  readonly host: "auto" | "on" | "off";
  readonly includeNamespaces: readonly string[];
  readonly excludeNamespaces: readonly string[];
  /** Kubernetes' label selector, as it was given; checked. */
  readonly podSelector: string | undefined;
  readonly redactNamespaces: readonly string[];
  /** A file whose bytes are the key that redacted names are hashed under; another at each start when undefined. */
  readonly redactKeyFile: string | undefined;
  /** How names of functions are shown. */
  readonly demangling: Demangling;
  /** Languages whose frames stay those of the interpreter. */
  readonly excludedInterpreters: readonly InterpreterName[];
  readonly podLabels: readonly string[];
  readonly podAnnotations: readonly string[];
  /** Undefined when HTTP is off. */
  readonly listen: ListenAddress | "off";
  /** Where profiles are answered over HTTP. */
  readonly apiListen: ListenAddress | "off";
  /** What holds the token that the API asks for; always there where others than this machine reach it. */
  readonly apiTokenFile: string | undefined;
  /** Recordings that the API makes at once. */
  readonly apiRecordings: number;
  /** Of the last windows' profiles that the API keeps. */
  readonly apiProfilesBytes: number;
  readonly unwindMemoryBytes: number;
  readonly ringMemoryBytes: number | "auto";
  /** Where debug files are kept; absolute. */
  readonly debuginfodDir: string;
  /** One debug file, from the first question to its last byte. */
  readonly debuginfodTimeoutMs: number;
  /** Bytes that the agent may take; "auto": what its cgroup allows, less a margin. */
  readonly memoryLimit: number | "auto" | "off";
  /** Cores that the agent may take, BPF included; "auto": what its cgroup's quota allows, less a margin. */
  readonly cpuLimit: number | "auto" | "off";
  readonly logLevel: LogLevel;
}
