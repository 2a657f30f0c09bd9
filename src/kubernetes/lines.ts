/** A line of a stream, or what is known of one that is not given. */
export type Line =
  | { readonly kind: "line"; readonly text: string }
  /** Longer than the limit. */
  | { readonly kind: "oversized"; readonly bytes: number }
  /** The stream ended within it. */
  | { readonly kind: "truncated"; readonly bytes: number };

const NEWLINE = 0x0a;

/** Lines as they are complete. No more than `maxBytes` are held, whatever comes. */
export async function* linesOf(chunks: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Line> {
  let parts: Buffer[] = [];
  let bytes = 0;
  const take = (part: Buffer): void => {
    bytes += part.length;
    if (bytes <= maxBytes) parts.push(part);
    else parts = [];
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      take(chunk.subarray(from, end));
      if (bytes > maxBytes) yield { kind: "oversized", bytes };
      else if (bytes > 0) yield { kind: "line", text: textOf(parts) };
      parts = [];
      bytes = 0;
      from = end + 1;
    }
    if (from < chunk.length) take(chunk.subarray(from));
  }
  if (bytes > 0) yield { kind: "truncated", bytes };
}

function textOf(parts: readonly Buffer[]): string {
  return (parts.length === 1 ? parts[0] : Buffer.concat(parts)).toString("utf8");
}
