import type { SendResult } from "../../delivery/destination.js";
import type { Upload } from "../../model/upload.js";
import { shownAddress } from "../options/address.js";
import { type Secret, SecretMissing } from "../options/secret.js";
import { TransportFailure } from "./failure.js";
import { type HttpAnswer, HttpTransport, type TransportOptions } from "./http.js";
import { type Peer, sendResultOf } from "./status.js";

/** What is shorter is no secret, and taking it out would only garble what is told: "1". */
const MIN_SECRET = 4;

/** A header that holds a secret: put in when an upload is sent, and nowhere else. */
export interface SecretHeader {
  readonly name: string;
  readonly secret: Secret;
  /** The header's value: "Bearer …". */
  readonly value: (secret: string) => string;
}

export interface Sender {
  send(upload: Upload, signal: AbortSignal): Promise<SendResult>;
  close(): Promise<void>;
}

/** What became of a try, by what the intake's own format says beyond HTTP. */
export type ReadAnswer = (answer: HttpAnswer, peer: Peer) => SendResult;

/** Sends uploads over HTTP. What comes back never holds a secret, also when the intake repeats one. */
export function httpSender(
  options: TransportOptions,
  secretHeaders: readonly SecretHeader[] = [],
  readAnswer: ReadAnswer = (answer, peer) => sendResultOf(answer, peer),
): Sender {
  const transport = new HttpTransport(options);
  const address = shownAddress(options.address);
  return {
    async send({ path, headers, body }, signal) {
      return withSecrets(secretHeaders, async (secrets, scrub) => {
        const answer = await transport.post(path, { ...headers, ...secrets }, body, signal);
        return readAnswer(answer, { address, scrub });
      });
    },
    close() {
      transport.close();
      return Promise.resolve();
    },
  };
}

/**
 * Reads the secrets, tries, and makes a result of what went wrong. `scrub` takes the secrets out of what a stranger said: before it is
 * cut, for a cut would leave half of one. Rejects only with what is none of the transport's.
 */
export async function withSecrets(
  secretHeaders: readonly SecretHeader[],
  attempt: (headers: Readonly<Record<string, string>>, scrub: (text: string) => string) => Promise<SendResult>,
): Promise<SendResult> {
  const headers: Record<string, string> = {};
  const secrets: string[] = [];
  const scrub = (text: string): string => secrets.reduce((rest, secret) => rest.replaceAll(secret, "***"), text);
  const keep = (secret: string): void => {
    if (secret.length >= MIN_SECRET) secrets.push(secret);
  };
  try {
    for (const { name, secret, value } of secretHeaders) {
      const text = await secret.read();
      headers[name] = value(text);
      for (const form of [headers[name], headers[name].replace(/^\S+ /, ""), text]) keep(form);
    }
    return await attempt(headers, scrub);
  } catch (error) {
    if (error instanceof TransportFailure) return { kind: "retry", reason: error.reason, detail: scrub(error.message) };
    if (error instanceof SecretMissing) return { kind: "retry", reason: "credentials", detail: error.message };
    throw error;
  }
}
