import type { HttpAnswer } from "../../http/server.js";

/** A sentence and why; go tool pprof shows the words of whoever says that it is a pprof server. */
export function sentence(status: number, text: string, headers: HttpAnswer["headers"] = {}): HttpAnswer {
  return {
    status,
    contentType: "text/plain; charset=utf-8",
    body: `${text}\n`,
    headers: { "x-go-pprof": "1", ...headers },
  };
}

export function json(value: unknown): HttpAnswer {
  return { status: 200, contentType: "application/json; charset=utf-8", body: `${JSON.stringify(value, null, 2)}\n` };
}

/** Gzipped pprof, to be saved under a name. */
export function pprofFile(bytes: Uint8Array, name: string): HttpAnswer {
  return {
    status: 200,
    contentType: "application/octet-stream",
    body: bytes,
    headers: { "content-disposition": `attachment; filename="${name}"` },
  };
}

/** A page under its own content security policy. */
export function page(html: string | Uint8Array, policy: string): HttpAnswer {
  return {
    status: 200,
    contentType: "text/html; charset=utf-8",
    body: html,
    headers: { "content-security-policy": `${policy}; frame-ancestors 'none'` },
  };
}
