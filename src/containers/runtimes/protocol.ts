import type { Container, RuntimeName } from "../../model/container.js";
import { GRPC_STATUS, GrpcError } from "../../grpc/status.js";
import { MalformedMessage } from "../../protobuf/reader.js";
import { errnoOf } from "../../util/errno.js";
import { printable } from "../../util/printable.js";
import type { RuntimeFailure } from "./runtime.js";

const MESSAGE_CHARACTERS = 200;

/** What one kind of runtime can be asked; connected-runtime.ts makes a ContainerRuntime of it. Everything here may reject. */
export interface RuntimeProtocol {
  readonly name: RuntimeName;
  /** Whether list() tells of each container all that lookup() does. */
  readonly listsAll: boolean;
  /** The runtime's version, by which it is known to be there and to be of this kind. */
  version(): Promise<string>;
  lookup(id: string): Promise<Container | null>;
  list(): Promise<readonly Container[]>;
  /**
   * Calls `made` with the id of each container that is made. Ends, either way, when the runtime ends it or the signal
   * comes. Undefined where the runtime tells nothing: it is listed again and again then.
   */
  readonly follow: ((made: (id: string) => void, signal: AbortSignal) => Promise<void>) | undefined;
  /** Lets go of the connection; the next question makes another. */
  disconnect(): void;
}

/** What a protocol is handed to count with. */
export interface ProtocolOptions {
  readonly timeoutMs: number;
  /** Of a list of all. */
  readonly listTimeoutMs: number;
  readonly malformedPart: () => void;
}

/** An answer that is not what the runtime's interface says. */
export class MalformedAnswer extends Error {
  override readonly name = "MalformedAnswer";
}

/** The runtime took longer than it may. */
export class DeadlineExceeded extends Error {
  override readonly name = "DeadlineExceeded";
}

/** The runtime says more than anybody wants to keep. */
export class AnswerTooLarge extends Error {
  override readonly name = "AnswerTooLarge";
}

export function failureOf(error: unknown): RuntimeFailure {
  if (error instanceof MalformedMessage || error instanceof MalformedAnswer) return "malformed";
  if (error instanceof DeadlineExceeded) return "deadline";
  if (error instanceof AnswerTooLarge) return "too-large";
  if (error instanceof GrpcError) return grpcFailureOf(error);
  const errno = errnoOf(error);
  if (errno === "EACCES" || errno === "EPERM") return "refused";
  return errno.startsWith("HPE_") ? "malformed" : errno === "" ? "error" : "away";
}

function grpcFailureOf({ code, errno }: GrpcError): RuntimeFailure {
  if (errno === "EACCES" || errno === "EPERM" || code === GRPC_STATUS.permissionDenied) return "refused";
  if (code === GRPC_STATUS.unavailable) return "away";
  if (code === GRPC_STATUS.deadlineExceeded) return "deadline";
  if (code === GRPC_STATUS.resourceExhausted) return "too-large";
  if (code === GRPC_STATUS.internal || code === GRPC_STATUS.unimplemented) return "malformed";
  return "error";
}

/** What is the matter with a socket and what to do, one sentence. */
export function adviceFor(error: unknown, runtime: string, socket: string): string {
  const errno = error instanceof GrpcError ? error.errno : errnoOf(error);
  switch (failureOf(error)) {
    case "refused":
      return `${socket} may not be opened: run as root, or as a user who may use ${runtime}.`;
    case "deadline":
      return `${runtime} at ${socket} does not answer in time: look into its log, or restart it.`;
    case "malformed":
    case "too-large":
      return `what answers at ${socket} does not answer like ${runtime} (${messageOf(error)}): name the right socket with --runtime-socket.`;
    case "away":
      if (errno === "ENOENT") {
        return `${socket} does not exist: start ${runtime}, or mount its directory into the agent's container.`;
      }
      if (errno === "ECONNREFUSED") return `nobody listens at ${socket}: start ${runtime}.`;
      return `the connection to ${runtime} at ${socket} was lost (${messageOf(error)}): see that it runs.`;
    case "error":
      return `${runtime} at ${socket} answers with an error (${messageOf(error)}): look into its log.`;
  }
}

/** One line, and short: it may be the runtime's own words. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return printable(message.slice(0, MESSAGE_CHARACTERS)).trim();
}
