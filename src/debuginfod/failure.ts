import type { TransportReason } from "../exporters/transport/failure.js";
import { diskProblemOf } from "../util/disk-problem.js";

/** What became of a request, in a word for metrics; each request has one. */
export const REQUEST_RESULTS = [
  "downloaded",
  "not-found",
  ...(["dns", "unreachable", "tls", "reset", "timeout", "malformed-answer"] satisfies TransportReason[]),
  "throttled",
  "server-error",
  "unauthorized",
  "rejected",
  "redirected",
  "encoding",
  "too-large",
  "wrong-file",
  /** This side has no room, or no folder. */
  "not-kept",
  /** The agent stops, or whoever waits does not any more. */
  "cancelled",
] as const;
export type RequestResult = (typeof REQUEST_RESULTS)[number];

/** The folder did not take a file. The message is one sentence for a person. */
export class NotKept extends Error {
  override readonly name = "NotKept";

  constructor(
    /** In a word: "disk-full". */
    readonly problem: string,
    message: string,
  ) {
    super(message);
  }
}

export function notKept(directory: string, error: unknown): NotKept {
  if (error instanceof NotKept) return error;
  const problem = diskProblemOf(error);
  return new NotKept(
    problem,
    `The folder of downloaded debug files, ${directory}, takes none (${problem}); see to it, or name another one.`,
  );
}
