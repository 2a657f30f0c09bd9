import { randomUUID } from "node:crypto";
import type { Destination } from "../delivery/destination.js";
import type { ProfileBatch } from "../model/labelled-profile.js";
import type { Upload } from "../model/upload.js";
import { packed, partsThatFit } from "./encoding/parts.js";
import { COMMON_OPTIONS, type IntakeModule, readSettings, refuseOpenSecret } from "./intake.js";
import { INTAKE_PORTS } from "./kinds.js";
import { headerList, word } from "./options/option.js";
import { encodeExportRequest } from "./otlp/request.js";
import { failureTextOf, readExportResponse } from "./otlp/response.js";
import { grpcSender } from "./transport/grpc.js";
import { httpSender, type ReadAnswer } from "./transport/sender.js";
import { sendResultOf } from "./transport/status.js";

const PATH = "/v1development/profiles";
const METHOD = "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export";
const GRPC_PORT = 4317;

/** gRPC servers take 4 MiB unless somebody raised it; what is around the request needs little. */
const MAX_PLAIN_BYTES = 4 * 2 ** 20 - 4096;

/** OTLP's specification: no other status is tried again. */
const RETRIED: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const title = "an OpenTelemetry Collector";

const options = {
  ...COMMON_OPTIONS,
  protocol: word(["auto", "http", "grpc"], "over which OTLP goes; auto: gRPC at port 4317, else HTTP"),
  headers: headerList("headers sent along, such as a key"),
} as const;

/**
 * OTLP profiles, experimental: opentelemetry-proto 1.11.0, package v1development. Its minor versions break what was before; a
 * receiver of another one refuses or misreads what is sent.
 */
export const otlp: IntakeModule = {
  kind: "otlp",
  title,
  port: INTAKE_PORTS.otlp,
  options,
  open(spec): Destination {
    const settings = readSettings({ kind: "otlp", title, table: options, ownPath: PATH }, spec);
    const { name, shown, transport, values, address } = settings;
    const headers = [...values.headers].map(([header, secret]) => ({
      name: header,
      secret,
      value: (text: string) => text,
    }));
    if (headers.length > 0) refuseOpenSecret("otlp", settings);
    const isAuto = values.protocol === "auto";
    const isGrpc = isAuto ? address.kind === "tcp" && address.port === GRPC_PORT : values.protocol === "grpc";
    const sender = isGrpc
      ? grpcSender(transport, headers, readExportResponse)
      : httpSender(transport, headers, readAnswer);
    const path = isGrpc ? METHOD : PATH;
    const wire: Readonly<Record<string, string>> = isGrpc
      ? { "grpc-encoding": "gzip" }
      : { "content-type": "application/x-protobuf", "content-encoding": "gzip" };
    return { name, address: shown, encode: (batch) => encode(batch, path, wire), ...sender };
  },
};

async function* encode(
  { startNs, endNs, profiles }: ProfileBatch,
  path: string,
  headers: Readonly<Record<string, string>>,
): AsyncGenerator<Upload, void, undefined> {
  for (const labelled of profiles) {
    const parts = partsThatFit(labelled.profile, async (profile, isLast) => {
      const id = randomUUID();
      const request = encodeExportRequest({ ...labelled, profile }, Buffer.from(id.replaceAll("-", ""), "hex"));
      return isLast || request.byteLength <= MAX_PLAIN_BYTES ? { id, body: await packed(request) } : undefined;
    });
    for await (const { id, body } of parts) yield { id, startNs, endNs, profiles: 1, path, headers, body };
  }
}

const readAnswer: ReadAnswer = (answer, peer) => {
  if (answer.status >= 200 && answer.status < 300) return readExportResponse(answer.body, peer.address, peer.scrub);
  return sendResultOf(answer, peer, { isRetried: (status) => RETRIED.has(status), textOf: failureTextOf });
};
