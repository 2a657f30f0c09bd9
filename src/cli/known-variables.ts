import { agentOptions } from "./agent-options.js";
import { checkOptions, recordOptions } from "./options.js";
import type { Option } from "./option.js";
import type { Environment } from "./sources.js";
import { printable } from "../util/printable.js";
import { suggest } from "./suggest.js";

const PREFIX = "HOSTFLAME_";

/** Of no table: where a stack trace is wanted, and what building and testing hostflame asks for. */
const OTHERS = /^HOSTFLAME_(DEBUG|ADDON|TARGET_ARCH|TESTS?|TEST_\w+|KERNELS|CLUSTER|CLUSTER_\w+)$/;

/** What Kubernetes sets in every pod of a namespace with a Service whose name begins with hostflame. */
const SERVICE_LINK =
  /^HOSTFLAME_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$/;

/** A sentence for each variable that looks like ours and means nothing to any command. */
export function unknownVariables(environment: Environment): readonly string[] {
  const tables: readonly Readonly<Record<string, Option<unknown>>>[] = [agentOptions, recordOptions, checkOptions];
  const rows = tables.flatMap((table) => Object.values(table));
  const known = [...new Set(rows.map((option) => option.environment.slice(PREFIX.length)))];
  const isUnknown = (name: string): boolean =>
    name.startsWith(PREFIX) &&
    !known.includes(name.slice(PREFIX.length)) &&
    !OTHERS.test(name) &&
    !SERVICE_LINK.test(name);
  return Object.keys(environment)
    .filter(isUnknown)
    .sort()
    .map((name) => {
      const meant = nearest(name.slice(PREFIX.length), known);
      const advice = meant === undefined ? "docs/options.md lists those there are." : `did you mean ${PREFIX}${meant}?`;
      return `There is no variable ${printable(name).slice(0, MAX_NAME)}, so it says nothing; ${advice}`;
    });
}

const MAX_NAME = 100;

/** A long name that begins with one of ours, NODE_NAME, means that one more likely than nothing. */
function nearest(name: string, known: readonly string[]): string | undefined {
  if (name.length > MAX_NAME) return undefined;
  return suggest(name, known) ?? known.find((each) => name.startsWith(`${each}_`) || name.endsWith(`_${each}`));
}
