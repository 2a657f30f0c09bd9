import { createHash } from "node:crypto";
import type { DebuginfodServer } from "./servers.js";

/** Stands for a list of servers, whatever their order: 16 hex digits. */
export function serversKey(servers: readonly DebuginfodServer[]): string {
  const names = servers.map(({ shown }) => shown).sort();
  return createHash("sha256").update(names.join("\n")).digest("hex").slice(0, 16);
}
