import type { OutgoingHttpHeaders } from "node:http";
import type { RequestOptions } from "node:https";

/** Where a request goes, and with what: certificates, headers, an agent where there is a proxy. */
export interface ApiEndpoint {
  readonly server: URL;
  readonly options: RequestOptions & { headers?: OutgoingHttpHeaders };
}

/** How the API server is reached. */
export interface ClusterAccess {
  /**
   * For the next request: read anew each time, for tokens and certificates are replaced while we run. Rejects with an
   * {@link ApiProblem} of reason "credentials".
   */
  endpoint(): Promise<ApiEndpoint>;
}
