import { type IntakeAddress, isLocal, parseAddress, shownAddress, shownUrl } from "../exporters/options/address.js";
import { Secret } from "../exporters/options/secret.js";

/** A server of debug files. */
export interface DebuginfodServer {
  readonly address: Extract<IntakeAddress, { kind: "tcp" }>;
  /** For people: without user and password. */
  readonly shown: string;
  /** Value of the Authorization header. */
  readonly authorization: Secret | undefined;
}

export interface ReadServers {
  readonly servers: readonly DebuginfodServer[];
  /** A sentence for each that is named and not asked. */
  readonly skipped: readonly string[];
}

const MAX_WORD = 2048;

/** Why a word of DEBUGINFOD_URLS is wrong: completes "--flag …", and never repeats a password. Undefined when it is right. */
export function serverProblem(word: string): string | undefined {
  try {
    readServers([word]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** A right word, written so that whoever masks passwords in URLs finds this one whole: "@" in it is "%40". */
export function serverWord(word: string): string {
  const url = URL.canParse(word) ? new URL(word) : undefined;
  return url === undefined || (url.username === "" && url.password === "") ? word : url.href;
}

/**
 * Reads the words of DEBUGINFOD_URLS. A word "ima:…" says how the files of the servers after it are to be verified: servers whose
 * files must be signed are not asked, for signatures of packages are not checked here.
 *
 * @throws {Error} as {@link serverProblem} says it, of the first word that is wrong
 */
export function readServers(words: readonly string[]): ReadServers {
  const servers: DebuginfodServer[] = [];
  const skipped: string[] = [];
  let needsSignatures = false;
  for (const word of words) {
    if (word.startsWith("ima:")) {
      if (!/^ima:[a-z]{1,20}$/.test(word)) throw refused(word, "that is no policy");
      needsSignatures = word !== "ima:ignore";
    } else if (word.startsWith("file://")) {
      skipped.push(
        `${shownUrl(word)} is not read: debug files are downloaded over HTTP only; put them into /usr/lib/debug.`,
      );
    } else if (needsSignatures) {
      const { shown } = readServer(word);
      skipped.push(
        `${shown} is not asked for debug files: the signatures that a policy before it wants are not checked; name it without.`,
      );
    } else {
      servers.push(readServer(word));
    }
  }
  return { servers, skipped };
}

function refused(word: string, why: string): Error {
  return new Error(`does not accept "${shownUrl(word)}": ${why}; write a URL such as https://debuginfod.example`);
}

function readServer(word: string): DebuginfodServer {
  const url = word.length <= MAX_WORD && URL.canParse(word) ? new URL(word) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol)) throw refused(word, "that is no URL of HTTP");
  if (url.search !== "" || url.hash !== "") throw refused(word, "it has a query or a fragment");
  const { username, password } = url;
  url.username = "";
  url.password = "";
  const address = parseAddress(url.href);
  if (address.kind !== "tcp") throw refused(word, "that is no URL of HTTP");
  const hasSecret = username !== "" || password !== "";
  if (hasSecret && !address.secure && !isLocal(address)) throw refused(word, "its password would be sent unencrypted");
  return {
    address,
    shown: shownAddress(address),
    authorization: hasSecret ? Secret.of(basicOf(username, password)) : undefined,
  };
}

function basicOf(username: string, password: string): string {
  const plain = [username, password].map((part) => decoded(part)).join(":");
  return `Basic ${Buffer.from(plain).toString("base64")}`;
}

/** A % that begins no escape is itself. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
