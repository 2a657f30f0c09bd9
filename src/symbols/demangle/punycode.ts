/** Decodes an identifier of RFC 3492, with `_` for the delimiter as Rust has it; undefined when it is malformed. */
export function decodePunycode(identifier: string): string | undefined {
  const delimiter = identifier.lastIndexOf("_");
  const characters = delimiter > 0 ? Array.from(identifier.slice(0, delimiter)) : [];
  const deltas = identifier.slice(delimiter + 1);
  let code = 128;
  let index = 0;
  let bias = 72;
  for (let at = 0; at < deltas.length;) {
    const before = index;
    for (let weight = 1, k = 36; ; k += 36) {
      const digit = "abcdefghijklmnopqrstuvwxyz0123456789".indexOf(deltas.charAt(at++));
      if (digit < 0 || at > deltas.length) return undefined;
      index += digit * weight;
      if (index > 0x7fffffff) return undefined;
      const threshold = Math.min(Math.max(k - bias, 1), 26);
      if (digit < threshold) break;
      weight *= 36 - threshold;
    }
    const length = characters.length + 1;
    bias = adaptedBias(index - before, length, before === 0);
    code += Math.floor(index / length);
    index %= length;
    if (code > 0x10ffff) return undefined;
    characters.splice(index++, 0, String.fromCodePoint(code));
  }
  return characters.join("");
}

/** RFC 3492, section 6.1. */
function adaptedBias(delta: number, length: number, first: boolean): number {
  delta = first ? Math.floor(delta / 700) : delta >> 1;
  delta += Math.floor(delta / length);
  let k = 0;
  for (; delta > 455; k += 36) delta = Math.floor(delta / 35);
  return k + Math.floor((36 * delta) / (delta + 38));
}
