/** The codes of gRPC's specification that somebody here tells apart. */
export const GRPC_STATUS = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

const MESSAGE_CHARACTERS = 1024;

/** A call that did not end well: what the server said, or what became of the connection. */
export class GrpcError extends Error {
  override readonly name = "GrpcError";

  constructor(
    /** One of gRPC's codes, of GRPC_STATUS or another. */
    readonly code: number,
    message: string,
    /** The system's error where there was no connection ("ENOENT") or it was lost; "" for what a server said, or a call's end. */
    readonly errno = "",
    /** A google.rpc.Status that the server sent along, undecoded; undefined when it sent none. */
    readonly details?: Uint8Array,
  ) {
    super(message.slice(0, MESSAGE_CHARACTERS));
  }
}

/** What trailers (or headers, of an answer that has nothing else) say: undefined where they say nothing. */
export function statusOf(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): { readonly code: number; readonly message: string; readonly details?: Uint8Array } | undefined {
  const status = headers["grpc-status"];
  if (typeof status !== "string") return undefined;
  const code = /^\d{1,2}$/.test(status) ? Number(status) : GRPC_STATUS.unknown;
  const message = headers["grpc-message"];
  const details = headers["grpc-status-details-bin"];
  return {
    code,
    message: typeof message === "string" ? unescapePercent(message) : "",
    ...(typeof details === "string" ? { details: Buffer.from(details, "base64") } : {}),
  };
}

/** gRPC escapes what is not printable ASCII byte by byte; what does not decode is shown as it came. */
function unescapePercent(message: string): string {
  const cut = message.slice(0, MESSAGE_CHARACTERS);
  try {
    return decodeURIComponent(cut);
  } catch {
    return cut;
  }
}
