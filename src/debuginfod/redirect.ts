const MAX_LOCATION = 4096;

/** Where a server sends us; undefined where nothing is asked for: another protocol, plain HTTP after TLS, a password in it. */
export function redirectTarget(from: URL, location: string | undefined): URL | undefined {
  if (location === undefined || location.length > MAX_LOCATION || !URL.canParse(location, from.href)) return undefined;
  const target = new URL(location, from);
  const isSafe = target.protocol === "https:" || (target.protocol === "http:" && from.protocol === "http:");
  return isSafe && target.username === "" && target.password === "" ? target : undefined;
}

export function isSameOrigin(one: URL, other: URL): boolean {
  return one.origin === other.origin;
}
