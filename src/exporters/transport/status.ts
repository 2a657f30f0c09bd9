import type { SendResult } from "../../delivery/destination.js";
import { printable } from "../../util/printable.js";
import type { HttpAnswer } from "./http.js";

/** With whom we speak, for people, and how to take our secrets out of what it says. */
export interface Peer {
  readonly address: string;
  readonly scrub: (text: string) => string;
}

const EXCERPT = 200;
const MAX_RETRY_AFTER_MS = 3_600_000;

/** Reasons by status, for people and metrics; a status that is none of them goes by its class. */
const REASONS: Readonly<Record<number, string>> = {
  400: "rejected",
  401: "unauthorized",
  403: "forbidden",
  404: "not-found",
  408: "timeout",
  413: "too-large",
  415: "rejected",
  422: "rejected",
  429: "throttled",
};

/** What most intakes mean: later may help where the intake was slow, busy or broken; what it refuses it will refuse again. */
export function isWorthRetrying(status: number): boolean {
  return status === 408 || status === 429 || (status >= 500 && status !== 501 && status !== 505);
}

export interface ReadingRules {
  readonly isRetried?: (status: number) => boolean;
  /** What a body says; its text unless told. */
  readonly textOf?: (answer: HttpAnswer) => string;
}

/** What an answer says of the upload. `nowMs` is the wall clock, for a Retry-After that is a date. */
export function sendResultOf(
  answer: HttpAnswer,
  { address, scrub }: Peer,
  { isRetried = isWorthRetrying, textOf = plainText }: ReadingRules = {},
  nowMs: number = Date.now(),
): SendResult {
  const { status, headers } = answer;
  if (status >= 200 && status < 300) return { kind: "accepted" };
  const said = excerptOf(scrub(textOf(answer)));
  const detail = `${address} answers ${status}${said === "" ? "" : `: ${said}`}`;
  const reason = REASONS[status] ?? reasonOfClass(status);
  if (!isRetried(status)) return { kind: "refused", reason, detail };
  const afterMs = retryAfterMs(headers["retry-after"], nowMs);
  return { kind: "retry", reason, detail, ...(afterMs === undefined ? {} : { afterMs }) };
}

function plainText({ body }: HttpAnswer): string {
  return Buffer.from(body).toString("utf8");
}

/** One printable line of what a stranger said. */
export function excerptOf(text: string): string {
  return printable(text.slice(0, 4 * EXCERPT))
    .replace(/\s+/g, " ")
    .trim()
    .slice(0, EXCERPT);
}

/** Seconds or a date (RFC 9110, 10.2.3); undefined for anything else. An hour at most. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  const waitMs = /^\d{1,12}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(0, waitMs), MAX_RETRY_AFTER_MS);
}

function reasonOfClass(status: number): string {
  if (status >= 500) return "server-error";
  if (status >= 400) return "rejected";
  return status >= 300 ? "redirected" : "malformed-answer";
}
