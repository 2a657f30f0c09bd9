import { SERVICE_VARIABLES, type ServiceVariables } from "../model/container.js";

/** Bytes of one value that are kept: resource attributes can be many. */
const MAX_VALUE_BYTES = 4096;
const PREFIXES = SERVICE_VARIABLES.map((name) => ({ name, prefix: Buffer.from(`${name}=`, "latin1") }));
const FIRST_BYTES = new Set(PREFIXES.map(({ prefix }) => prefix[0]));

/**
 * The service variables of an environment as /proc/PID/environ has it: NAME=value, each ended by a NUL. No other is
 * looked at. Of a name that stands twice the first counts, as for getenv. An entry without its end is left out: it
 * may be cut. A value that is no UTF-8 shows U+FFFD.
 */
export function serviceVariables(environ: Buffer): ServiceVariables {
  const found: Partial<Record<(typeof SERVICE_VARIABLES)[number], string>> = {};
  for (let at = 0; at < environ.length;) {
    const end = environ.indexOf(0, at);
    if (end < 0) break;
    if (FIRST_BYTES.has(environ[at])) {
      for (const { name, prefix } of PREFIXES) {
        const from = at + prefix.length;
        if (from > end || environ.compare(prefix, 0, prefix.length, at, from) !== 0) continue;
        found[name] ??= environ.toString("utf8", from, Math.min(end, from + MAX_VALUE_BYTES));
      }
    }
    at = end + 1;
  }
  return found;
}
