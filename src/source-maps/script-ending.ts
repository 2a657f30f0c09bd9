const NEWLINE = 0x0a;
const MARKS = ["//# sourceMappingURL=", "//@ sourceMappingURL=", "/*# sourceMappingURL="];
/** Of a URL that leads to a file; one that has the map in it may be as long as the script. */
const MAX_URL_BYTES = 4096;
/** Of lines at the end, so many: what follows the comment is a licence, a hash or nothing. */
const MAX_LINES = 16;

/**
 * The URL in the `sourceMappingURL` comment at the end of one of a script's last lines; undefined where there is none. The last one
 * counts, as in V8; one in the midst of the script is most often part of a string of a tool's.
 */
export function mappingUrlOf(script: Buffer): string | undefined {
  let end = script.length;
  for (let lines = 0; lines < MAX_LINES && end > 0; lines++) {
    const start = script.lastIndexOf(NEWLINE, end - 1) + 1;
    const url = urlIn(script.subarray(start, end));
    if (url !== undefined) return url;
    end = start - 1;
  }
  return undefined;
}

function urlIn(line: Buffer): string | undefined {
  const at = Math.max(...MARKS.map((mark) => line.lastIndexOf(mark, undefined, "latin1")));
  if (at < 0) return undefined;
  const from = at + MARKS[0].length;
  const isData = /^data:/i.test(line.toString("latin1", from, from + 5));
  if (!isData && line.length - from > MAX_URL_BYTES) return undefined;
  const url = line.toString(isData ? "latin1" : "utf8", from).replace(/\s*(?:\*\/\s*)?$/, "");
  return url === "" || /[\s'"`]/.test(url) ? undefined : url;
}
