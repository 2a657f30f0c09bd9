import { randomUUID } from "node:crypto";
import { request } from "node:http";
import type { Destination, SendResult } from "#src/delivery/destination.js";
import type { LabelledProfile, ProfileBatch } from "#src/model/labelled-profile.js";
import type { Profile } from "#src/model/profile.js";
import type { Upload } from "#src/model/upload.js";

export const MINUTE_NS = 60_000_000_000n;
export const FIRST_WINDOW_NS = 1_790_000_000_000_000_000n;

/** The nth window, of a minute, with so many profiles. */
export function windowOf(minute: number, profiles = 1): ProfileBatch {
  const startNs = FIRST_WINDOW_NS + BigInt(minute) * MINUTE_NS;
  const one: LabelledProfile = { service: "s", env: "", version: "", labels: new Map(), profile: {} as Profile };
  return { startNs, endNs: startNs + MINUTE_NS, profiles: Array.from({ length: profiles }, () => one) };
}

export function uploadOf(minute: number, bodyBytes = 100, fill = minute): Upload {
  const { startNs, endNs } = windowOf(minute);
  return {
    ...{ id: randomUUID(), startNs, endNs, profiles: 1, path: `/in?minute=${minute}` },
    headers: { "content-type": "application/octet-stream" },
    body: new Uint8Array(bodyBytes).fill(fill & 0xff),
  };
}

/** An intake without a format: uploads of so many bytes, over real HTTP. */
export function plainDestination(address: () => string, bodyBytes = 100): Destination {
  return {
    name: "plain",
    get address() {
      return address();
    },
    async *encode({ startNs, profiles }) {
      const minute = Number((startNs - FIRST_WINDOW_NS) / MINUTE_NS);
      for (const number of profiles.keys()) {
        await Promise.resolve();
        yield uploadOf(minute, bodyBytes, minute * 31 + number);
      }
    },
    send: (upload, signal) => post(address(), upload, signal),
    close: () => Promise.resolve(),
  };
}

function post(address: string, { id, startNs, path, headers, body }: Upload, signal: AbortSignal): Promise<SendResult> {
  return new Promise((resolve, reject) => {
    const own = { "x-upload-id": id, "x-start-ns": String(startNs), "content-length": body.byteLength };
    const sent = request(`${address}${path}`, {
      method: "POST",
      headers: { ...headers, ...own },
      signal,
      agent: false,
    });
    sent.on("error", (error) => {
      if (signal.aborted) reject(error);
      else resolve({ kind: "retry", reason: "network", detail: error.message });
    });
    sent.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("error", (error) => {
        resolve({ kind: "retry", reason: "network", detail: error.message });
      });
      response.on("end", () => {
        resolve(judge(response.statusCode ?? 0, text, response.headers["retry-after"]));
      });
    });
    sent.end(body);
  });
}

function judge(status: number, detail: string, retryAfter: string | undefined): SendResult {
  if (status < 300) return { kind: "accepted" };
  const reason = `http-${status}`;
  if (status !== 408 && status !== 429 && status < 500) return { kind: "refused", reason, detail };
  return { kind: "retry", reason, detail, ...(retryAfter === undefined ? {} : { afterMs: Number(retryAfter) * 1000 }) };
}
