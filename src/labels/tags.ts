import { printable } from "../util/printable.js";
import { cleanName, MAX_NAME_LENGTH } from "./name.js";
import { IDENTITY_LABELS } from "./labels.js";
import type { ServiceDefaults } from "./service.js";

/** The operator's tags: for every profile, and for those whose service, env or version nobody else named. */
export interface Tags {
  /** In the order in which they were written. */
  readonly tags: ReadonlyMap<string, string>;
  readonly defaults: ServiceDefaults;
}

const MAX_TAGS = 100;
const KEY = /^[A-Za-z][A-Za-z0-9_./-]*$/;

/**
 * Reads "key:value,key:value", as OTEL_PROFILING_AGENT_TAGS and DD_TAGS have it. A value may hold colons; of a key that
 * stands twice the last counts. `service`, `env` and `version` become defaults. A key that says whose a profile is
 * (`node`, `pod`, …) is refused: a tag must not be able to tell it otherwise.
 *
 * @throws {Error} one sentence without the variable's name, which the caller knows.
 */
export function parseTags(text: string): Tags {
  const entries = entriesOf(text);
  if (entries.length > MAX_TAGS) {
    throw new Error(`has ${entries.length} tags; at most ${MAX_TAGS} are accepted`);
  }
  const tags = new Map<string, string>();
  const defaults = { service: "", env: "", version: "" };
  for (const entry of entries) {
    const colon = entry.indexOf(":");
    const key = entry.slice(0, Math.max(colon, 0)).trim();
    const value = cleanName(entry.slice(colon + 1));
    if (colon < 0 || value === "" || key.length > MAX_NAME_LENGTH || !KEY.test(key)) {
      throw new Error(
        `has the tag "${shown(entry)}"; write key:value, the key of letters, digits, "_", ".", "/" and "-", and commas between tags`,
      );
    }
    if (IDENTITY_LABELS.includes(key)) {
      throw new Error(`has the tag "${shown(entry)}"; "${key}" is hostflame's own label, name yours otherwise`);
    }
    if (key === "service" || key === "env" || key === "version") defaults[key] = value;
    else tags.set(key, value);
  }
  return { tags, defaults };
}

/** Datadog's own clients part DD_TAGS at spaces where it has no comma: so it is read where each word is a tag. */
function entriesOf(text: string): readonly string[] {
  const words = text.trim().split(/\s+/);
  const isSpaced = !text.includes(",") && words.every((word) => word.indexOf(":") > 0);
  const entries = isSpaced ? words : text.split(",");
  return entries.map((entry) => entry.trim()).filter((entry) => entry !== "");
}

function shown(entry: string): string {
  return printable(entry).slice(0, 80);
}
