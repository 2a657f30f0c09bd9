import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { hostCgroupHierarchy } from "../host/cgroup-hierarchy.js";
import { DEFAULT_GROUP_LIMITS, type GroupOptions } from "../labels/group.js";
import type { SelectionOptions } from "../labels/policy.js";
import { parseSelector } from "../labels/selector.js";
import { parseTags } from "../labels/tags.js";
import type { AgentOptions } from "../model/agent-options.js";
import type { CgroupHierarchy } from "../model/cgroup.js";
import type { Demangling } from "../model/demangling.js";

/** What the parts want to know, made of what the operator said. */
export interface AgentSettings {
  readonly node: string;
  readonly selection: SelectionOptions;
  readonly groups: GroupOptions;
  readonly redactKey: Uint8Array;
  readonly demangling: Demangling;
  /** In which the containers' cgroups are. */
  readonly hierarchy: CgroupHierarchy;
}

const RANDOM_KEY_BYTES = 32;

/**
 * Reads the key's file; throws the system's error where it cannot be read. A random key stays that of `before`, the settings that
 * these follow: names that left the node under it would be other names.
 */
export function settingsOf(options: AgentOptions, before?: AgentSettings): AgentSettings {
  const node = options.node ?? hostname();
  const { tags, defaults } = parseTags(options.tags ?? "");
  const { mode, includeNamespaces, excludeNamespaces, redactNamespaces, podLabels, podAnnotations } = options;
  return {
    node,
    selection: {
      mode,
      includeNamespaces,
      excludeNamespaces,
      podSelector: options.podSelector === undefined ? [] : parseSelector(options.podSelector),
      redactNamespaces,
      host: options.host === "auto" ? mode === "all" : options.host === "on",
      frequencyHz: options.frequencyHz,
    },
    groups: {
      profiles: options.profiles,
      labels: { node, podLabels, podAnnotations, tags },
      defaults: {
        service: options.service ?? defaults.service,
        env: options.env ?? defaults.env,
        version: options.serviceVersion ?? defaults.version,
      },
      ...DEFAULT_GROUP_LIMITS,
    },
    hierarchy: before?.hierarchy ?? hostCgroupHierarchy(),
    redactKey: redactKeyOf(options.redactKeyFile, before?.redactKey),
    demangling: options.demangling,
  };
}

/** The key of a file that is named no more is as good as a random one, and hashes names as before. */
function redactKeyOf(file: string | undefined, before: Uint8Array | undefined): Uint8Array {
  return file === undefined ? (before ?? randomBytes(RANDOM_KEY_BYTES)) : readFileSync(file);
}
