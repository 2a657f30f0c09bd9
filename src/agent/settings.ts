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

/** What the parts want to know, made of what the operator said. */
export interface AgentSettings {
  readonly node: string;
  readonly selection: SelectionOptions;
  readonly groups: GroupOptions;
  readonly redactKey: Uint8Array;
  /** In which the containers' cgroups are. */
  readonly hierarchy: CgroupHierarchy;
}

const RANDOM_KEY_BYTES = 32;

/** Reads the key's file; throws the system's error where it cannot be read. */
export function settingsOf(options: AgentOptions): AgentSettings {
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
        service: defaults.service,
        env: options.env ?? defaults.env,
        version: options.serviceVersion ?? defaults.version,
      },
      ...DEFAULT_GROUP_LIMITS,
    },
    hierarchy: hostCgroupHierarchy(),
    redactKey:
      options.redactKeyFile === undefined ? randomBytes(RANDOM_KEY_BYTES) : readFileSync(options.redactKeyFile),
  };
}
