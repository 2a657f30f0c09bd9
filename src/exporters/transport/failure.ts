import { errnoOf } from "../../util/errno.js";
import { printable } from "../../util/printable.js";
import { type IntakeAddress, shownAddress } from "../options/address.js";

/** Why no answer came. */
export type TransportReason = "dns" | "unreachable" | "tls" | "reset" | "timeout" | "malformed-answer";

/** No answer came. The message is one sentence for a person. */
export class TransportFailure extends Error {
  override readonly name = "TransportFailure";

  constructor(
    readonly reason: TransportReason,
    message: string,
  ) {
    super(message);
  }
}

const RULES: readonly (readonly [pattern: RegExp, reason: TransportReason, sentence: string])[] = [
  [
    /^(ENOTFOUND|EAI_\w+|ENODATA|ESERVFAIL)$/,
    "dns",
    "has a host name that is not found; check the name and the node's DNS",
  ],
  [
    /^(ERR_TLS_\w+|ERR_SSL_\w+|CERT_\w+|DEPTH_ZERO_\w+|SELF_SIGNED_\w+|UNABLE_TO_\w+|HOSTNAME_MISMATCH|EPROTO)$/,
    "tls",
    "cannot be trusted, or speaks no TLS; check the certificate, its authority and the clock",
  ],
  [/^HPE_\w+$/, "malformed-answer", "answers something other than HTTP; check the port"],
  [/^(ECONNRESET|EPIPE|ECONNABORTED|ERR_STREAM_\w+)$/, "reset", "closed the connection before its answer"],
  [/^ETIMEDOUT$/, "timeout", "does not answer; check the network policy"],
  [
    /^(ENOENT|ECONNREFUSED|EACCES|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL)$/,
    "unreachable",
    "cannot be reached; check the address, and that it is up",
  ],
];

/** What an error of Node's says of a request. */
export function transportFailureOf(error: unknown, address: IntakeAddress): TransportFailure {
  if (error instanceof TransportFailure) return error;
  const code = errnoOf(error) || (error instanceof AggregateError ? errnoOf(error.errors[0]) : "");
  const [, reason, sentence] = RULES.find(([pattern]) => pattern.test(code)) ?? [
    "",
    "unreachable" as const,
    "cannot be reached",
  ];
  const detail = error instanceof Error ? printable(error.message).slice(0, 200) : "";
  return new TransportFailure(reason, `${shownAddress(address)} ${sentence} (${code || detail || "no reason given"}).`);
}
