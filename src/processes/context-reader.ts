import { type FileHandle, open } from "node:fs/promises";
import { contextRanges, liesIn, mayHaveContext } from "./maps.js";
import {
  type ContextProblem,
  HEADER_BYTES,
  parseContextHeader,
  parseContextPayload,
  type ProcessContext,
} from "./otel-context.js";
import { failureOf, type ReadFailure } from "./proc-files.js";

/** Text of /proc/PID/maps that is looked at: 10,000 mappings. A context is rarely beyond, a JVM's code caches are. */
const MAX_MAPS_BYTES = 1024 * 1024;
/** Of a context that is being published anew just then. */
const MAX_TRIES = 3;

/** "absent": the process has published none. */
export type ContextResult = ProcessContext | ContextProblem | ReadFailure | "absent" | "outside";

/**
 * Reads the context of a process out of its memory. Off the main thread: pages may never arrive, so a caller sets a
 * time limit and has one read under way at most. The header and payload are read only where the map says memory, not a
 * file; a process that swaps one for the other in between holds up its reader and nobody else.
 */
export async function readContext(root: string, pid: number): Promise<ContextResult> {
  let memory: FileHandle | undefined;
  try {
    const maps = await readMaps(`${root}/${pid}/maps`);
    if (!mayHaveContext(maps)) return "absent";
    const ranges = contextRanges(maps.toString("latin1"));
    if (ranges.named.length === 0) return "absent";
    memory = await open(`${root}/${pid}/mem`, "r");
    let result: ContextResult = "absent";
    // A process has one context; after a fork without MADV_DONTFORK or an upgrade there may be a stale one beside it.
    for (const { start } of ranges.named.slice(0, 4)) {
      result = await readAt(memory, start, (address, length) => liesIn(ranges.memory, address, length));
      if (typeof result === "object") break;
    }
    return result;
  } catch (error) {
    return failureOf(error);
  } finally {
    await memory?.close();
  }
}

async function readAt(
  memory: FileHandle,
  address: bigint,
  isMemory: (address: bigint, length: number) => boolean,
): Promise<ContextResult> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const header = parseContextHeader(await readBytes(memory, address, HEADER_BYTES));
    if (header === "changing") continue;
    if (typeof header === "string") return header;
    if (!isMemory(header.payloadAddress, header.payloadBytes)) return "outside";
    const payload = await readBytes(memory, header.payloadAddress, header.payloadBytes);
    const after = parseContextHeader(await readBytes(memory, address, HEADER_BYTES));
    // Only under an unchanged time are header and payload of one publication.
    if (typeof after === "object" && after.publishedNs === header.publishedNs) return parseContextPayload(payload);
  }
  return "changing";
}

async function readBytes(memory: FileHandle, address: bigint, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  // User space ends at 2^47; an address that is no exact number is refused by read itself.
  const { bytesRead } = await memory.read(buffer, 0, length, Number(address));
  return buffer.subarray(0, bytesRead);
}

async function readMaps(path: string): Promise<Buffer> {
  const file = await open(path, "r");
  try {
    const pieces: Buffer[] = [];
    // The kernel gives a page at a time, whatever is asked for.
    const page = Buffer.allocUnsafe(4096);
    for (let length = 0; length < MAX_MAPS_BYTES;) {
      const { bytesRead } = await file.read(page, 0, page.length, null);
      if (bytesRead === 0) break;
      pieces.push(Buffer.from(page.subarray(0, bytesRead)));
      length += bytesRead;
    }
    return Buffer.concat(pieces);
  } finally {
    await file.close();
  }
}
