/** Where an intake listens. */
export type IntakeAddress =
  | {
      readonly kind: "tcp";
      readonly secure: boolean;
      /** A name, or an address without brackets. */
      readonly host: string;
      readonly port: number;
      /** Before the path of each request: "" or "/prefix". */
      readonly basePath: string;
    }
  | { readonly kind: "socket"; readonly path: string; readonly basePath: "" };

const ACCEPTS =
  "write a URL such as http://10.0.0.1:8126, https://intake.example or unix:///var/run/datadog/apm.socket";

/**
 * Reads where an intake listens. `ownPath` is the path of the intake's own requests: a URL that already ends with it, as people copy
 * it from a manual, means the same as one without.
 *
 * @throws {Error} one sentence; it never repeats a password.
 */
export function parseAddress(text: string, ownPath = ""): IntakeAddress {
  if (!URL.canParse(text)) throw new Error(`"${shownUrl(text)}" is no URL; ${ACCEPTS}.`);
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") {
    throw new Error(
      `"${shownUrl(text)}" has a user or a password in it, where logs would show them; use the options for them.`,
    );
  }
  if (url.search !== "" || url.hash !== "") {
    throw new Error(`"${shownUrl(text)}" has a query or a fragment, which no intake takes; leave it out.`);
  }
  if (url.protocol === "unix:") {
    const path = decodeURIComponent(url.pathname);
    if (url.host !== "" || path.length < 2 || path.includes("\0")) {
      throw new Error(`"${shownUrl(text)}" is no absolute path of a socket; ${ACCEPTS}.`);
    }
    return { kind: "socket", path, basePath: "" };
  }
  if (!["http:", "https:"].includes(url.protocol) || url.hostname === "") {
    throw new Error(`"${shownUrl(text)}" is neither http, https nor unix; ${ACCEPTS}.`);
  }
  const secure = url.protocol === "https:";
  const path = url.pathname.replace(/\/+$/, "");
  return {
    kind: "tcp",
    secure,
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
    basePath: ownPath !== "" && path.endsWith(ownPath) ? path.slice(0, -ownPath.length) : path,
  };
}

/** "http://10.0.0.1:8126/prefix", "unix:///var/run/apm.socket": for people, and never with a secret. */
export function shownAddress(address: IntakeAddress): string {
  return address.kind === "socket" ? `unix://${address.path}` : `${originOf(address)}${address.basePath}`;
}

/** "https://host:443", as HTTP/2 wants it. */
export function originOf({ secure, host, port }: Extract<IntakeAddress, { kind: "tcp" }>): string {
  return `${secure ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** What it says is on this machine: nobody else hears it. */
export function isLocal(address: IntakeAddress): boolean {
  return address.kind === "socket" || /^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(address.host);
}

/** A URL as somebody wrote it, right or wrong, without what may be secret in it. */
export function shownUrl(text: string): string {
  return text
    .replace(/\/\/[^/]*@/, "//***@")
    .replace(/([?#]).*/s, "$1…")
    .replace(/[\0-\x1f\x7f]/g, " ")
    .slice(0, 200);
}
