import { isBuildId } from "./build-id.js";

/** What a file of the folder is; undefined of one that is not ours. */
export interface CacheName {
  readonly kind: "debug" | "none" | "partial";
  readonly buildId: string;
}

const PATTERN = /^(?:([0-9a-f]+)\.debug|([0-9a-f]+)\.[0-9a-f]{1,16}\.none|\.([0-9a-f]+)\.[0-9a-f]{16}\.part)$/;

/** A whole debug file. */
export function debugName(buildId: string): string {
  return `${buildId}.debug`;
}

/** Empty; says that none of those servers had the file when it was made. `serversKey`: up to 16 hex digits. */
export function missingName(buildId: string, serversKey: string): string {
  return `${buildId}.${serversKey}.none`;
}

/** A file that is being downloaded. `random`: 16 hex digits. */
export function partialName(buildId: string, random: string): string {
  return `.${buildId}.${random}.part`;
}

export function parseCacheName(name: string): CacheName | undefined {
  const [, debug, none, partial] = PATTERN.exec(name) ?? [];
  const buildId = debug ?? none ?? partial ?? "";
  if (!isBuildId(buildId)) return undefined;
  return { kind: debug !== undefined ? "debug" : none !== undefined ? "none" : "partial", buildId };
}
