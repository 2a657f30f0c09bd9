import type { ElfFile } from "../elf/elf-file.js";
import type { Addon } from "../native/addon.js";
import { type CheckProblem, checkDebugFile } from "./check.js";
import { ClosableSource } from "./closable-source.js";
import { CompanionFiles, type CompanionPlaces } from "./companion-files.js";
import { type DebugLink, readDebugLink } from "./debug-link.js";
import type { OpenProblem } from "./open-in-root.js";
import { type DebugFileCounts, mostTelling, OutcomeCounts } from "./outcomes.js";
import { type Candidate, type Downloads, folderPlaces, type Place } from "./places.js";
import { openRoots, pathInside, type Root, type Roots, type SeenAt } from "./roots.js";
import { folderOf } from "./safe-name.js";

/** For how long a debug file that was nowhere is not sought again. */
const MISSING_MS = 60_000;

/** An executable whose debug information is sought. */
export interface Debuggee {
  readonly elf: ElfFile;
  /** Hex, "" when there is none. */
  readonly buildId: string;
  /** Undefined when it is in no file system: it is sought in this machine's folders only. */
  readonly seenAt: SeenAt | undefined;
}

/** What is worth knowing when the same executable is asked for again. */
export interface SearchMemory {
  /** Until then there is no debug file, milliseconds of performance.now(). */
  readonly missingUntilMs: number;
  /** The file whose CRC was found right. */
  readonly crcOf: string;
}

/** A debug file, open. */
export interface FoundDebugFile {
  readonly elf: ElfFile;
  /** Another one has another. */
  readonly identity: string;
}

export interface DebugFilesOptions {
  /** Where to look, in order; the folders of the container and of this machine unless told. */
  readonly places?: readonly Place[];
  /** This machine's root, found by itself unless told. */
  readonly hostRoot?: string;
  /** Looked into when there is none elsewhere; each time, for it costs one look and they come while all else stays. */
  readonly downloads?: Downloads | undefined;
}

/** Finds the files that have the debug information of executables. */
export class DebugFiles {
  readonly #withPath: Addon["withPath"];
  readonly #places: readonly Place[];
  readonly #hostRoot: string | undefined;
  readonly #downloads: Downloads | undefined;

  constructor(withPath: Addon["withPath"], options: DebugFilesOptions = {}) {
    const { places = folderPlaces(withPath), hostRoot, downloads } = options;
    this.#downloads = downloads;
    this.#withPath = withPath;
    this.#places = places;
    this.#hostRoot = hostRoot;
  }

  /** For one batch of addresses; to be closed after it. Nothing is looked for before it is asked for. */
  open(debuggee: Debuggee, memory?: SearchMemory): DebugFileSearch {
    return new DebugFileSearch(debuggee, {
      ...{ withPath: this.#withPath, places: this.#places, downloads: this.#downloads, memory },
      openRoots: () => openRoots(debuggee.seenAt, this.#hostRoot),
    });
  }
}

interface SearchContext {
  readonly withPath: Addon["withPath"];
  readonly places: readonly Place[];
  readonly downloads: Downloads | undefined;
  readonly openRoots: () => Roots;
  readonly memory: SearchMemory | undefined;
}

interface Opened extends FoundDebugFile {
  readonly source: ClosableSource;
  readonly candidate: Candidate;
  readonly realPath: string | undefined;
}

/** The files of debug information of one executable while a batch of its addresses is named. */
export class DebugFileSearch {
  readonly #debuggee: Debuggee;
  readonly #link: DebugLink | undefined;
  readonly #context: SearchContext;
  readonly #outcomes = new OutcomeCounts();
  /** What debug information refers to, by where it is: in the debug file, if that was found, or in the executable. */
  readonly companions: Pick<CompanionFiles, keyof CompanionFiles>;
  #roots: Roots | undefined;
  #found: Opened | undefined;
  #isSought = false;
  #memory: SearchMemory;

  /** See {@link DebugFiles.open}. */
  constructor(debuggee: Debuggee, context: SearchContext) {
    this.#debuggee = debuggee;
    this.#context = context;
    this.#link = readDebugLink(debuggee.elf);
    this.#memory = context.memory ?? { missingUntilMs: -Infinity, crcOf: "" };
    this.companions = new CompanionFiles(context, this.#outcomes, () => this.#companionPlaces());
  }

  /** The debug file; undefined when there is none. Found when it is first asked for. */
  get file(): FoundDebugFile | undefined {
    if (!this.#isSought) {
      this.#isSought = true;
      const isKnownMissing = performance.now() < this.#memory.missingUntilMs;
      this.#found = isKnownMissing ? this.#takeDownload() : this.#seek();
    }
    return this.#found;
  }

  /** To be given when the same executable is asked for again. */
  get memory(): SearchMemory {
    return this.#memory;
  }

  /** What became of the searches so far. */
  get counts(): DebugFileCounts {
    return this.#outcomes.counts;
  }

  /** Closes all that was opened; who still reads from it gets nothing. */
  close(): void {
    this.companions.close();
    this.#found?.source.close();
    this.#roots?.close();
  }

  #openRoots(): Roots {
    return (this.#roots ??= this.#context.openRoots());
  }

  #companionPlaces(): CompanionPlaces {
    const roots = this.#openRoots();
    const { own } = roots;
    const ownPath = this.#pathIn(own);
    const executable = own && ownPath !== undefined ? { root: own, path: ownPath, realPath: ownPath } : undefined;
    if (this.#found === undefined) return { roots, base: executable, executable };
    const { candidate, realPath } = this.#found;
    const { root, path } = candidate;
    return { roots, base: root && { root, path, realPath }, executable };
  }

  /** The executable's path in a root; of a process that is gone, as it was shown. */
  #pathIn(root: Root | undefined): string | undefined {
    const shown = this.#debuggee.seenAt?.path;
    if (shown === undefined) return undefined;
    return pathInside(root ?? { path: "/" }, shown);
  }

  #seek(): Opened | undefined {
    const { buildId } = this.#debuggee;
    if (buildId === "" && this.#link === undefined) return this.#missing("no-build-id");
    const roots = this.#openRoots();
    const path = this.#pathIn(roots.own);
    const wanted = { buildId, link: this.#link, folder: path === undefined ? undefined : folderOf(path) };
    const problems: (OpenProblem | CheckProblem)[] = [];
    for (const place of this.#context.places) {
      for (const candidate of place(wanted, roots)) {
        const opened = this.#try(candidate);
        if (typeof opened !== "string") {
          this.#outcomes.add("debug", candidate.place);
          return opened;
        }
        problems.push(opened);
      }
    }
    const downloaded = this.#takeDownload();
    if (downloaded !== undefined) return downloaded;
    const problem = mostTelling(problems);
    return this.#missing(problem === "not-found" ? (roots.problem ?? problem) : problem);
  }

  #takeDownload(): Opened | undefined {
    const { downloads } = this.#context;
    const { buildId } = this.#debuggee;
    if (downloads === undefined || buildId === "") return undefined;
    const place = "debuginfod" as const;
    const opened = this.#try({ place, path: "", root: undefined, open: () => downloads(buildId) });
    if (typeof opened === "string") return undefined;
    this.#outcomes.add("debug", place);
    return opened;
  }

  #missing(problem: Parameters<OutcomeCounts["add"]>[1]): undefined {
    this.#outcomes.add("debug", problem);
    // Another process may be there the next time.
    if (problem !== "process-gone") {
      this.#memory = { ...this.#memory, missingUntilMs: performance.now() + MISSING_MS };
    }
  }

  #try(candidate: Candidate): Opened | OpenProblem | CheckProblem {
    const file = candidate.open();
    if ("problem" in file) return file.problem;
    const source = new ClosableSource(file);
    const isKnown = file.identity === this.#memory.crcOf;
    const elf = checkDebugFile(source, { ...this.#debuggee, link: this.#link }, isKnown);
    if (typeof elf === "string") {
      source.close();
      return elf;
    }
    this.#memory = { ...this.#memory, crcOf: file.identity };
    return { elf, identity: file.identity, source, candidate, realPath: file.realPath };
  }
}
