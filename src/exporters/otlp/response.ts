import type { SendResult } from "../../delivery/destination.js";
import { MalformedMessage, readFields } from "../../protobuf/reader.js";
import type { HttpAnswer } from "../transport/http.js";
import { excerptOf } from "../transport/status.js";

/**
 * ExportProfilesServiceResponse{1 partial_success: {1 rejected_profiles, 2 error_message}}. What a receiver rejected it must not be
 * sent again; an answer that is no such message came with a status that says it was good.
 */
export function readExportResponse(message: Uint8Array, address: string, scrub: (text: string) => string): SendResult {
  let rejected = 0n;
  let why = "";
  const isWhole = tryRead(() => {
    readFields(message, (field, partial) => {
      if (field !== 1) return;
      readFields(partial.bytes(), (part, value) => {
        if (part === 1) rejected = BigInt.asIntN(64, value.varint());
        else if (part === 2) why = value.text();
      });
    });
  });
  if (!isWhole || rejected <= 0n) return { kind: "accepted" };
  return { kind: "refused", reason: "rejected", detail: `${address} rejects the profile: ${excerptOf(scrub(why))}` };
}

/** What a failure's body says: google.rpc.Status{2 message} in protocol buffers, or text. */
export function failureTextOf({ headers, body }: HttpAnswer): string {
  const text = Buffer.from(body).toString("utf8");
  if (headers["content-type"]?.startsWith("application/x-protobuf") !== true) return text;
  let message = "";
  const isWhole = tryRead(() => {
    readFields(body, (field, value) => {
      if (field === 2) message = value.text();
    });
  });
  return isWhole ? message : text;
}

function tryRead(read: () => void): boolean {
  try {
    read();
    return true;
  } catch (error) {
    if (error instanceof MalformedMessage) return false;
    throw error;
  }
}
