import { isIPv6 } from "node:net";
import type { Environment, Given, Layer } from "./sources.js";

const DATADOG_PORT = "8126";
const DATAKIT_PORT = "9529";

/** As help and docs/options.md tell of it: what {@link olderAgentLayer} reads, in its order. */
export const OLDER_AGENT_VARIABLES: readonly string[] = [
  "DD_AGENT_HOST with DD_TRACE_AGENT_PORT",
  "DK_AGENT_HOST with DK_AGENT_PORT",
  "DD_API_KEY with DD_SITE",
];

/**
 * Older agents say in several variables together where profiles go: an exporter of ours, where none of those that say it in one is
 * set. An agent on the node stands over Datadog's intake itself.
 */
export function olderAgentLayer(environment: Environment, saidInOne: readonly string[]): Layer {
  const text = (name: string): string => environment[name] ?? "";
  const given = saidInOne.some((name) => text(name) !== "") ? undefined : fromVariables(text);
  return ({ flag }) => (flag === "--exporter" ? given : undefined);
}

function fromVariables(text: (name: string) => string): Given | undefined {
  if (text("DD_AGENT_HOST") !== "") {
    const given = agentAt(text, "DD_AGENT_HOST", "DD_TRACE_AGENT_PORT", DATADOG_PORT);
    // Datadog's libraries name a Datakit by its port.
    return exporter(given.name, { url: given.url, kind: given.port === DATAKIT_PORT ? "datakit" : "datadog" });
  }
  if (text("DK_AGENT_HOST") !== "") {
    const given = agentAt(text, "DK_AGENT_HOST", "DK_AGENT_PORT", DATAKIT_PORT);
    return exporter(given.name, { url: given.url, kind: "datakit" });
  }
  if (text("DD_API_KEY") === "") return undefined;
  const name = text("DD_SITE") === "" ? "DD_API_KEY" : "DD_API_KEY, DD_SITE";
  return exporter(name, { kind: "datadog", "api-key": text("DD_API_KEY"), site: text("DD_SITE") });
}

function agentAt(text: (name: string) => string, hostName: string, portName: string, usualPort: string) {
  const host = text(hostName);
  const port = text(portName) || usualPort;
  // An address of IPv6 has brackets in a URL, and none as the downward API gives it. A slash would make the port a path.
  const named = isIPv6(host) ? `[${host}]` : host.replaceAll(/[/?#\\]/g, " ");
  return { url: `http://${named}:${port}`, port, name: text(portName) === "" ? hostName : `${hostName}, ${portName}` };
}

function exporter(name: string, values: Readonly<Record<string, string>>): Given {
  return { source: { rank: "older", name }, values: [new Map(Object.entries(values))] };
}
