import type { SendResult } from "../../delivery/destination.js";
import { GrpcClient } from "../../grpc/client.js";
import { GRPC_STATUS, GrpcError } from "../../grpc/status.js";
import type { Upload } from "../../model/upload.js";
import { MalformedMessage, readFields } from "../../protobuf/reader.js";
import { sharedLookup } from "../../util/shared-lookup.js";
import { originOf, shownAddress } from "../options/address.js";
import { TransportFailure, transportFailureOf } from "./failure.js";
import { type TransportOptions, USER_AGENT } from "./http.js";
import { type SecretHeader, type Sender, withSecrets } from "./sender.js";
import { excerptOf } from "./status.js";

const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_RETRY_MS = 3_600_000n;

/** Later may help, by OTLP's specification, which says what gRPC's own leaves open. */
const RETRIED: ReadonlySet<number> = new Set([
  GRPC_STATUS.cancelled,
  GRPC_STATUS.deadlineExceeded,
  GRPC_STATUS.aborted,
  GRPC_STATUS.outOfRange,
  GRPC_STATUS.unavailable,
]);

const REASONS: Readonly<Record<number, string>> = {
  [GRPC_STATUS.cancelled]: "server-error",
  [GRPC_STATUS.unknown]: "server-error",
  [GRPC_STATUS.invalidArgument]: "rejected",
  [GRPC_STATUS.deadlineExceeded]: "timeout",
  [GRPC_STATUS.notFound]: "not-found",
  [GRPC_STATUS.permissionDenied]: "forbidden",
  [GRPC_STATUS.resourceExhausted]: "throttled",
  [GRPC_STATUS.aborted]: "server-error",
  [GRPC_STATUS.outOfRange]: "server-error",
  [GRPC_STATUS.unimplemented]: "not-found",
  [GRPC_STATUS.internal]: "server-error",
  [GRPC_STATUS.unavailable]: "server-error",
  [GRPC_STATUS.unauthenticated]: "unauthorized",
};

type Headers = Readonly<Record<string, string>>;

/** What a good answer says of the upload. */
export type ReadMessage = (message: Uint8Array, address: string, scrub: (text: string) => string) => SendResult;

/**
 * Sends uploads as gRPC calls: an upload's path is the method, its headers are metadata, its body the request, compressed where its
 * headers say in what way.
 */
export function grpcSender(
  { address, ca, insecure, timeoutMs }: TransportOptions,
  secretHeaders: readonly SecretHeader[],
  readMessage: ReadMessage = () => ({ kind: "accepted" }),
): Sender {
  const tls = { rejectUnauthorized: !insecure, ...(ca === undefined ? {} : { ca }) };
  const client = new GrpcClient(
    address.kind === "socket" ? address.path : { origin: originOf(address), tls, lookup: sharedLookup() },
    {
      maxMessageBytes: MAX_ANSWER_BYTES,
    },
  );
  const shown = shownAddress(address);
  /** Whether this connection has carried an answer: one that is lost then may only have been idle for too long. */
  let served = false;
  const call = async ({ path, headers, body }: Upload, signal: AbortSignal, secrets: Headers): Promise<Uint8Array> => {
    const compressed = headers["grpc-encoding"] !== undefined;
    const options = { timeoutMs, signal, headers: { "user-agent": USER_AGENT, ...headers, ...secrets }, compressed };
    const mayBeStale = served;
    served = false;
    const answer = await client.unary(path, body, options).catch((error: unknown) => {
      if (!mayBeStale || !isReset(error) || signal.aborted) throw error;
      return client.unary(path, body, options);
    });
    served = true;
    return answer;
  };
  return {
    async send(upload, signal) {
      return withSecrets(secretHeaders, async (secrets, scrub) => {
        // A connection on which nothing came may be to nobody: the next try makes another, and what waits on this one ends.
        const onAbort = (): void => {
          client.disconnect();
        };
        signal.addEventListener("abort", onAbort);
        try {
          return readMessage(await call(upload, signal, secrets), shown, scrub);
        } catch (error) {
          if (signal.aborted) throw signal.reason instanceof Error ? signal.reason : error;
          if (!(error instanceof GrpcError)) throw error;
          const { errno: code, message } = error;
          // The connection's own errors have a name; a server's have none.
          if (code !== "") throw transportFailureOf(Object.assign(new Error(message), { code }), address);
          if (error.code === GRPC_STATUS.deadlineExceeded) {
            client.disconnect();
            throw new TransportFailure("timeout", `${shown} gave no answer within ${timeoutMs} ms.`);
          }
          return resultOf(error, shown, scrub(message));
        } finally {
          signal.removeEventListener("abort", onAbort);
        }
      });
    },
    close() {
      client.disconnect();
      return Promise.resolve();
    },
  };
}

function isReset(error: unknown): boolean {
  return error instanceof GrpcError && error.errno === "ECONNRESET";
}

/** RESOURCE_EXHAUSTED is a full quota where the server says when to come back, and a message too large where it does not. */
function resultOf({ code, details }: GrpcError, shown: string, message: string): SendResult {
  const detail = `${shown} answers status ${code}: ${excerptOf(message)}`;
  const afterMs = details === undefined ? undefined : retryDelayMs(details);
  if (code === GRPC_STATUS.resourceExhausted && afterMs === undefined) {
    return { kind: "refused", reason: "too-large", detail };
  }
  const reason = REASONS[code] ?? "rejected";
  if (!RETRIED.has(code) && code !== GRPC_STATUS.resourceExhausted) return { kind: "refused", reason, detail };
  return { kind: "retry", reason, detail, ...(afterMs === undefined ? {} : { afterMs }) };
}

/** Of a google.rpc.Status {3 details: Any {1 type_url, 2 value}} the RetryInfo {1 retry_delay: Duration {1 seconds, 2 nanos}}. */
function retryDelayMs(status: Uint8Array): number | undefined {
  let delayMs: bigint | undefined;
  try {
    readFields(status, (field, any) => {
      if (field !== 3) return;
      let type = "";
      let value: Uint8Array = new Uint8Array();
      readFields(any.bytes(), (anyField, part) => {
        if (anyField === 1) type = part.text();
        else if (anyField === 2) value = part.bytes();
      });
      if (type.endsWith("/google.rpc.RetryInfo")) delayMs = durationMs(value);
    });
  } catch (error) {
    if (error instanceof MalformedMessage) return undefined;
    throw error;
  }
  if (delayMs === undefined) return undefined;
  return Number(delayMs < 0n ? 0n : delayMs > MAX_RETRY_MS ? MAX_RETRY_MS : delayMs);
}

function durationMs(retryInfo: Uint8Array): bigint {
  let ms = 0n;
  readFields(retryInfo, (field, delay) => {
    if (field !== 1) return;
    readFields(delay.bytes(), (part, value) => {
      if (part === 1) ms += BigInt.asIntN(64, value.varint()) * 1000n;
      else if (part === 2) ms += BigInt.asIntN(32, value.varint()) / 1_000_000n;
    });
  });
  return ms;
}
