import { type MemoryPages, u64At } from "../memory-pages.js";
import { blobCookie } from "./method-cookie.js";
import type { HotspotNameLayout } from "./name-layout.js";
import { spellStub } from "./spelling.js";

/** "RuntimeStub - _resolve_static_call_Java" is of usual length. */
const MAX_NAME_BYTES = 64;

/** The name of code that belongs to no method (CodeBlob::_name); undefined where something else lies there by now. */
export async function readStubName(
  pages: MemoryPages,
  { blob }: HotspotNameLayout,
  address: number,
  cookie: number,
): Promise<string | undefined> {
  const bytes = await pages.bytes(address, Math.max(blob.size + 4, blob.codeBegin + 8, blob.name + 8));
  if (bytes === undefined) return undefined;
  const codeBegin = blob.codeBeginIsAddress
    ? u64At(bytes, blob.codeBegin)
    : address + bytes.readInt32LE(blob.codeBegin);
  if (blobCookie(bytes.readUInt32LE(blob.size), codeBegin) !== cookie) return undefined;
  const name = u64At(bytes, blob.name);
  const characters = await pages.bytes(name, MAX_NAME_BYTES);
  const end = characters?.indexOf(0) ?? 0;
  if (characters === undefined || end === 0) return undefined;
  return spellStub(characters.toString("latin1", 0, end < 0 ? MAX_NAME_BYTES : end));
}
