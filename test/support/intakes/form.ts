import assert from "node:assert/strict";

export interface ReceivedPart {
  readonly name: string;
  readonly fileName: string;
  readonly contentType: string;
  readonly body: Buffer;
}

/**
 * A multipart/form-data body taken apart with no leniency at all: the delimiters where the specification has them, one Content-Disposition and
 * one Content-Type a part in that order, nothing before the first part and nothing after the end.
 */
export function parseForm(contentType: string, body: Uint8Array): readonly ReceivedPart[] {
  const [, boundary] = /^multipart\/form-data; boundary=([0-9A-Za-z'()+_,./:=?-]{1,70})$/.exec(contentType) ?? [];
  assert.ok(boundary !== undefined, `the content type ${contentType} has no boundary`);
  const bytes = Buffer.from(body);
  const first = Buffer.from(`--${boundary}\r\n`);
  const next = Buffer.from(`\r\n--${boundary}`);
  assert.ok(bytes.subarray(0, first.length).equals(first), "something stands before the first part");
  const parts: ReceivedPart[] = [];
  let at = first.length;
  for (;;) {
    const headEnd = bytes.indexOf("\r\n\r\n", at);
    const end = bytes.indexOf(next, headEnd + 4);
    assert.ok(headEnd > 0 && end > 0, "a part does not end");
    const head = bytes.toString("latin1", at, headEnd);
    const [, name, fileName, type] =
      /^Content-Disposition: form-data; name="([^"\r\n]+)"; filename="([^"\r\n]+)"\r\nContent-Type: ([^\r\n]+)$/.exec(
        head,
      ) ?? [];
    assert.ok(type !== undefined, `a part's head is ${JSON.stringify(head)}`);
    parts.push({ name, fileName, contentType: type, body: bytes.subarray(headEnd + 4, end) });
    at = end + next.length;
    const tail = bytes.toString("latin1", at, at + 4);
    if (tail.startsWith("--")) {
      assert.equal(bytes.toString("latin1", at), "--\r\n", "something stands after the last part");
      return parts;
    }
    assert.ok(tail.startsWith("\r\n"));
    at += 2;
  }
}
