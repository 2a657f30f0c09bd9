import type { OutgoingHttpHeaders } from "node:http";
import type { RequestOptions } from "node:https";

/** Where a request goes, and with what: a token, certificates, an agent where there is a proxy. */
export interface ApiEndpoint {
  readonly server: URL;
  readonly headers: OutgoingHttpHeaders;
  readonly options: Omit<RequestOptions, "headers">;
}

/** How the API server is reached. */
export interface ClusterAccess {
  /**
   * For the next request: read anew each time, for tokens and certificates are replaced while we run. Rejects with an
   * {@link ApiProblem} of reason "credentials".
   */
  endpoint(): Promise<ApiEndpoint>;
}
