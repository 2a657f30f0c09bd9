import type { Window } from "../capture/window.js";
import type { ExecutableRegistry } from "../executables/registry.js";
import type { ProfileBatch } from "../model/labelled-profile.js";
import { nameWindow, type Namer } from "../naming/name-window.js";
import type { WindowSpan } from "./window-loop.js";

export interface MakeProfilesModules {
  readonly registry: ExecutableRegistry;
  readonly namer: Namer;
  readonly periodNs: number;
  readonly node: string;
}

/** Names a window and says whose each profile of it is. */
export async function makeProfiles(
  window: Window,
  span: WindowSpan,
  modules: MakeProfilesModules,
): Promise<ProfileBatch> {
  const { startNs, durationNs } = span;
  const { profile } = await nameWindow(window, modules.registry, modules.namer, {
    timeNs: startNs,
    durationNs,
    periodNs: modules.periodNs,
  });
  const labels = new Map([["node", modules.node]]);
  return {
    startNs,
    endNs: startNs + durationNs,
    profiles: [{ service: modules.node, env: "", version: "", labels, profile }],
  };
}
