/** What stands for a secret. */
const MASK = "***";
/** Names of fields that hold one; where one lies (a file, an option's name) is none. */
const SECRET_NAME = /(secret|passw(or)?d|token|api-?_?key|authorization|credential)s?$/i;
/** user:password@ of a URL, and what an Authorization header has after its scheme. */
const USER_OF_URL = /\/\/[^\s/@]+@/g;
const AUTHORIZATION = /\b(bearer|basic)\s+[-A-Za-z0-9._~+/=]{6,}/gi;
/** A query's or an environment's name and value. */
const ASSIGNED = /\b([\w-]*(?:secret|password|token|api[-_]?key))(=|%3[dD])[^\s&"']+/gi;

/**
 * The last wall before a line: a text without what looks like a secret. Those who hold one (exporters, the API server's client)
 * give it to nobody; here it holds for what they did not think of.
 */
export function maskText(text: string): string {
  return text.replace(USER_OF_URL, `//${MASK}@`).replace(AUTHORIZATION, `$1 ${MASK}`).replace(ASSIGNED, `$1$2${MASK}`);
}

/** Whether a field of that name is shown by its name only. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

export const SHOWN_SECRET = MASK;
