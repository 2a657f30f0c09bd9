import type { Addon } from "../native/addon.js";
import type { DebugLink } from "./debug-link.js";
import { openInRoot, type OpenedFile, type OpenProblem } from "./open-in-root.js";
import type { Root, Roots } from "./roots.js";

/** Where debug files were found. Counted. */
export const PLACE_NAMES = ["build-id", "debuglink", "debuginfod"] as const;
export type PlaceName = (typeof PLACE_NAMES)[number];

/** What is sought. */
export interface Wanted {
  /** Hex, "" when there is none. */
  readonly buildId: string;
  readonly link: DebugLink | undefined;
  /** Of the executable, in the root of whoever runs it; undefined when it is in no file system. "" is the root itself. */
  readonly folder: string | undefined;
}

/** A file that may be the one; whether it is, is for itself to say. */
export interface Candidate {
  readonly place: PlaceName;
  readonly path: string;
  /** Undefined when it lies in no root: what it refers to by path is not sought. */
  readonly root: Root | undefined;
  open(): OpenedFile | { readonly problem: OpenProblem };
}

/** Knows files that may be the one, the likeliest first; they are opened in turn until one is. */
export type Place = (wanted: Wanted, roots: Roots) => Iterable<Candidate>;

/** Opens the file of a build id that was downloaded; whoever asks closes it. */
export type Downloads = (buildId: string) => OpenedFile | { readonly problem: OpenProblem };

const DEBUG_FOLDER = "/usr/lib/debug";
/** Linkers make ids of 8, 16 and 20 bytes; what a person chose has two at least. */
const BUILD_ID = /^(?<first>[0-9a-f]{2})(?<rest>[0-9a-f]{2,126})$/;

/**
 * The folders of distributions, and those beside the executable. In this machine's root nothing outside of /usr/lib/debug is
 * sought for a container's executable: its path is the container's.
 */
export function folderPlaces(withPath: Addon["withPath"]): readonly Place[] {
  const inRoot = (place: PlaceName, root: Root, path: string): Candidate => ({
    ...{ place, root, path },
    open: () => openInRoot(withPath, root, path),
  });
  return [
    function* buildIdFolder({ buildId }, roots) {
      const path = buildIdPath(buildId);
      if (path === undefined) return;
      for (const root of inOrder(roots)) yield inRoot("build-id", root, path);
    },
    function* debugLink({ link, folder }, roots) {
      if (link === undefined || folder === undefined) return;
      for (const root of inOrder(roots)) {
        if (root === roots.own) {
          yield inRoot("debuglink", root, `${folder}/${link.name}`);
          yield inRoot("debuglink", root, `${folder}/.debug/${link.name}`);
        }
        yield inRoot("debuglink", root, `${DEBUG_FOLDER}${folder}/${link.name}`);
      }
    },
  ];
}

/** Where the files of a build id lie; undefined when it is none. */
export function buildIdPath(buildId: string): string | undefined {
  const { first, rest } = BUILD_ID.exec(buildId)?.groups ?? {};
  return first === undefined ? undefined : `${DEBUG_FOLDER}/.build-id/${first}/${rest}.debug`;
}

/** The container's first: what lies there was made for it. */
export function inOrder({ own, host }: Roots): readonly Root[] {
  return [...new Set([own, host])].filter((root) => root !== undefined);
}
