import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import type { HttpAnswer, HttpRequest } from "./server.js";

export interface AccessOptions {
  /** What the caller must know, read anew for each request so that it can be changed; undefined where none is asked for. */
  readonly token: (() => Promise<string>) | undefined;
  /** Names, beside addresses and localhost, that this server goes by where no token is asked for. */
  readonly names: readonly string[];
}

const TEXT = "text/plain; charset=utf-8";
/** Basic too: browsers and `go tool pprof` cannot be told to send a bearer token, but both take a password. */
const CHALLENGE = ['Bearer realm="hostflame"', 'Basic realm="hostflame", charset="UTF-8"'];
/** Where a browser says that the user, or a page of this very server, asked. */
const OWN_SITES: readonly (string | undefined)[] = [undefined, "none", "same-origin"];

/**
 * Who may ask: nobody on behalf of another site, and only who knows the token. Where there is no token, no page may reach
 * the server under a name of its own making either (DNS rebinding): only an address, localhost or a name of ours is
 * answered. Undefined where the request may pass.
 */
export function createAccess({ token, names }: AccessOptions) {
  const ours = new Set(names.map((name) => name.toLowerCase()));
  return async ({ headers }: HttpRequest): Promise<HttpAnswer | undefined> => {
    const { host = "", origin, authorization } = headers;
    const site = headers["sec-fetch-site"];
    if (!OWN_SITES.includes(Array.isArray(site) ? "" : site) || (origin !== undefined && !isOwn(origin, host))) {
      return refused("Requests of other sites' pages are not answered: open the address itself.");
    }
    if (token === undefined) {
      return isOurs(host, ours)
        ? undefined
        : refused("This server is not known by that name: ask by its address, as localhost, or by the node's name.");
    }
    if (isSame(credentialOf(authorization), await token())) {
      return undefined;
    }
    return {
      status: 401,
      contentType: TEXT,
      body: "It takes the token of --api-token-file: as Authorization: Bearer TOKEN, or as the password of any user.\n",
      headers: { "www-authenticate": CHALLENGE, "x-go-pprof": "1" },
    };
  };
}

function refused(sentence: string): HttpAnswer {
  return { status: 403, contentType: TEXT, body: `${sentence}\n`, headers: { "x-go-pprof": "1" } };
}

/** What stands in for the token: the bearer's, or the password. */
function credentialOf(authorization = ""): string {
  const [, scheme = "", rest = ""] = /^(\S+) +(\S+)$/.exec(authorization) ?? [];
  if (scheme.toLowerCase() === "bearer") return rest;
  if (scheme.toLowerCase() !== "basic") return "";
  const pair = Buffer.from(rest, "base64").toString("utf8");
  return pair.includes(":") ? pair.slice(pair.indexOf(":") + 1) : "";
}

/** Takes as long whatever is sent; of the length it tells nothing. */
function isSame(given: string, wanted: string): boolean {
  return timingSafeEqual(digest(given), digest(wanted)) && wanted !== "";
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function isOwn(origin: string, host: string): boolean {
  const url = URL.canParse(origin) ? new URL(origin) : undefined;
  return url !== undefined && url.host !== "" && url.host === host.toLowerCase();
}

function isOurs(host: string, names: ReadonlySet<string>): boolean {
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::\d{1,5})?$/.exec(host) ?? [];
  if (bracketed !== undefined) return isIP(bracketed) === 6;
  const name = (plain ?? "").toLowerCase().replace(/\.$/, "");
  return isIP(name) === 4 || name === "localhost" || name.endsWith(".localhost") || names.has(name);
}
