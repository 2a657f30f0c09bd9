/** Why a request or a watch ended other than it should; each is counted. */
export type FailureReason =
  /** 401: the token is missing, expired or of another cluster. */
  | "unauthorized"
  /** 403: a right is missing. */
  | "forbidden"
  /** 410: what was asked for is older than what the API server remembers; answered by listing anew. */
  | "gone"
  /** 429, 503: come back later. */
  | "throttled"
  /** Any other status that is not 200. */
  | "refused"
  /** No connection, or one that broke. */
  | "network"
  /** Connected, and silent for too long. */
  | "timeout"
  /** Not what the API's documentation says. */
  | "malformed"
  /** The token, the certificates or the kubeconfig could not be read. */
  | "credentials";

/** What went wrong between the API server and us. The message is one sentence for a person, without secrets. */
export class ApiProblem extends Error {
  readonly reason: FailureReason;
  /** How long the API server asks to be left alone; 0 when it did not say. */
  readonly retryAfterMs: number;

  constructor(reason: FailureReason, message: string, retryAfterMs = 0) {
    super(message);
    this.name = "ApiProblem";
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}
