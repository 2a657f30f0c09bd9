/** What `$…$` stands for in names of the legacy scheme, which had to look like C identifiers. */
const ESCAPES: Readonly<Record<string, string>> = {
  SP: "@",
  BP: "*",
  RF: "&",
  LT: "<",
  GT: ">",
  LP: "(",
  RP: ")",
  C: ",",
};

/**
 * The readable form of a Rust name of the legacy scheme, or undefined when it is not one. It looks like a C++ nested
 * name whose last part is a hash: `_ZN4core3ptr17h0123456789abcdefE`; the hash is dropped.
 */
export function demangleRustLegacy(mangled: string): string | undefined {
  const match = /^_ZN(.+)17h[0-9a-f]{16}E((?:\.[\w.@]+)?)$/.exec(mangled);
  if (match === null) return undefined;
  const [, path, suffix] = match;
  const parts: string[] = [];
  for (let at = 0; at < path.length;) {
    const digits = /^[0-9]{1,5}/.exec(path.slice(at, at + 5));
    if (digits === null) return undefined;
    const start = at + digits[0].length;
    at = start + Number(digits[0]);
    if (at > path.length || at === start) return undefined;
    parts.push(unescape(path.slice(start, at)));
  }
  return parts.join("::") + suffix.replace(/\.llvm\.[0-9A-F@]+$/, "");
}

function unescape(part: string): string {
  // An escape cannot begin an identifier: `_` was put before it.
  const text = part.startsWith("_$") ? part.slice(1) : part;
  return text.replace(/\$(?:([A-Z]{1,2})|u([0-9a-f]{1,6}))\$|\.\./g, (whole, name?: string, hex?: string) => {
    if (name !== undefined) return ESCAPES[name] ?? whole;
    if (hex === undefined) return "::";
    const code = Number.parseInt(hex, 16);
    return code >= 0x20 && code !== 0x7f && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
