import type { IncomingMessage } from "node:http";
import { pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { errnoOf } from "../util/errno.js";
import { printable } from "../util/printable.js";
import type { RequestResult } from "./failure.js";
import type { DebugFileSink } from "./sink.js";
import type { Watch } from "./watch.js";

/** What came is no debug file that is taken. The message goes on after the server's address. */
export class WrongBody extends Error {
  override readonly name = "WrongBody";

  constructor(
    readonly result: RequestResult,
    message: string,
  ) {
    super(message);
  }
}

const MAX_DISCARDED = 64 * 1024;
const MAGIC = Buffer.from("\x7fELF", "latin1");

/**
 * Brings an answer's body to the sink, inflated, up to so many bytes. A page that some proxy sends in place of a file is known by its
 * first bytes. Rejects with {@link WrongBody}, with the sink's rejection, or as Node does.
 */
export async function readBody(
  response: IncomingMessage,
  sink: DebugFileSink,
  maxBytes: number,
  watch: Watch,
): Promise<void> {
  try {
    const encoding = (response.headers["content-encoding"] ?? "identity").trim().toLowerCase();
    if (!["identity", "gzip", "x-gzip", ""].includes(encoding)) {
      throw new WrongBody("encoding", `sends what is neither plain nor gzip, "${printable(encoding).slice(0, 40)}".`);
    }
    const isPlain = encoding === "identity" || encoding === "";
    const told = isPlain ? sizeOf(response.headers["content-length"]) : undefined;
    const size = told ?? sizeOf(response.headers["x-debuginfod-size"]);
    if (size !== undefined && size > maxBytes) throw tooLarge(size, maxBytes);
    if (told !== undefined) await sink.expect(told);
    await copy(isPlain ? response : inflated(response), sink, maxBytes, watch);
  } finally {
    response.destroy(); // after the end, where the connection is kept, this does nothing
  }
}

/** Reads to the end of an answer that nobody wants, so that the connection is kept; of a long one the connection goes. Never rejects. */
export async function discardBody(response: IncomingMessage): Promise<void> {
  let bytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.byteLength;
      if (bytes > MAX_DISCARDED) return;
    }
  } catch {
    // The answer's first line is all there is to it.
  }
}

async function copy(body: Readable, sink: DebugFileSink, maxBytes: number, watch: Watch): Promise<void> {
  let bytes = 0;
  let head = Buffer.alloc(0);
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      watch.progress();
      bytes += chunk.byteLength;
      if (bytes > maxBytes) throw tooLarge(bytes, maxBytes);
      if (head.length < MAGIC.length) {
        head = Buffer.concat([head, chunk.subarray(0, MAGIC.length)]).subarray(0, MAGIC.length);
        if (!head.equals(MAGIC.subarray(0, head.length))) throw noElf();
      }
      await sink.write(chunk);
      watch.progress(); // a slow disk is not the server's
    }
  } catch (error) {
    if (errnoOf(error).startsWith("Z_")) throw new WrongBody("encoding", "sends gzip that is broken.");
    throw error;
  }
  if (head.length < MAGIC.length) throw noElf();
}

/** Errors of the one are errors of the other. */
function inflated(response: IncomingMessage): Readable {
  return pipeline(response, createGunzip(), () => undefined);
}

/** Digits only, of no more than 2^53. */
function sizeOf(header: string | readonly string[] | undefined): number | undefined {
  return typeof header === "string" && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
}

function noElf(): WrongBody {
  return new WrongBody("wrong-file", "sends what is no ELF file; check that it is a debuginfod server.");
}

function tooLarge(bytes: number, maxBytes: number): WrongBody {
  return new WrongBody("too-large", `has a file of ${bytes} bytes or more, and ${maxBytes} are allowed.`);
}
