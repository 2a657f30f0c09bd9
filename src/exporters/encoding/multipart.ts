/** A part of a form. `name` is also its file name where `fileName` says no other. */
export interface FormPart {
  readonly name: string;
  readonly fileName: string;
  readonly contentType: string;
  readonly body: Uint8Array;
}

export interface Form {
  /** The request's content-type, with the boundary in it. */
  readonly contentType: string;
  readonly body: Uint8Array;
}

/** What a name may be made of, so that no quoting is needed: receivers disagree about it. */
const PLAIN = /^[A-Za-z0-9._-]+$/;

/**
 * A multipart/form-data body (RFC 7578), byte for byte the same for the same parts and boundary. The boundary is the caller's: of
 * enough randomness that no part holds it.
 */
export function formOf(parts: readonly FormPart[], boundary: string): Form {
  const pieces: Uint8Array[] = [];
  for (const { name, fileName, contentType, body } of parts) {
    if (!PLAIN.test(name) || !PLAIN.test(fileName)) throw new RangeError(`"${name}" or "${fileName}" is no plain name`);
    const head =
      `--${boundary}\r\n` +
      `Content-Disposition: form-data; name="${name}"; filename="${fileName}"\r\n` +
      `Content-Type: ${contentType}\r\n\r\n`;
    pieces.push(Buffer.from(head, "latin1"), body, Buffer.from("\r\n", "latin1"));
  }
  pieces.push(Buffer.from(`--${boundary}--\r\n`, "latin1"));
  return { contentType: `multipart/form-data; boundary=${boundary}`, body: Buffer.concat(pieces) };
}
