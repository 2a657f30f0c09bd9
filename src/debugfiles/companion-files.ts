import type { FileLink } from "../debuginfo/debug-file.js";
import type { Companions } from "../debuginfo/debug-info.js";
import { readBuildId } from "../elf/build-id.js";
import { type ElfFile, isRefusal } from "../elf/elf-file.js";
import { parseElf } from "../elf/parser.js";
import type { Addon } from "../native/addon.js";
import type { CheckProblem } from "./check.js";
import { ClosableSource } from "./closable-source.js";
import { openInRoot, type OpenedFile, type OpenProblem } from "./open-in-root.js";
import { type DebugFileKind, type DebugFileOutcome, mostTelling, type OutcomeCounts } from "./outcomes.js";
import { buildIdPath, type Downloads, inOrder } from "./places.js";
import type { Root, Roots } from "./roots.js";
import { folderOf, pathFrom, safeBaseName } from "./safe-name.js";

/** A file in a root. */
export interface PlacedFile {
  readonly root: Root;
  readonly path: string;
  /** The same with links followed. */
  readonly realPath: string | undefined;
}

export interface CompanionPlaces {
  readonly roots: Roots;
  /** The file that has the debug information. */
  readonly base: PlacedFile | undefined;
  /** Whom it tells of. */
  readonly executable: PlacedFile | undefined;
}

export interface CompanionContext {
  readonly withPath: Addon["withPath"];
  readonly downloads: Downloads | undefined;
}

/** .dwo files that are open at once: a unit of code needs one, and goes through its own before the next. */
const MAX_OPEN_SPLIT = 16;
/** Each is opened by three paths at most. */
const MAX_SPLIT = 20_000;

interface Attempt {
  readonly outcome: DebugFileOutcome;
  open(): OpenedFile | { readonly problem: OpenProblem };
}

/**
 * Opens the files that debug information refers to: by path in the root that it was found in and in no other, by build id in both.
 */
export class CompanionFiles implements Companions {
  readonly #context: CompanionContext;
  readonly #counts: OutcomeCounts;
  readonly #places: () => CompanionPlaces;
  readonly #open: ClosableSource[] = [];
  readonly #openSplit: ClosableSource[] = [];
  #splitLeft = MAX_SPLIT;
  /** Build ID of a file that was sought and is not here; "" while there is none. */
  missing = "";

  /** `places` is asked when a file is first sought: most debug information refers to no other. */
  constructor(context: CompanionContext, counts: OutcomeCounts, places: () => CompanionPlaces) {
    this.#context = context;
    this.#counts = counts;
    this.#places = places;
  }

  supplementary({ name, buildId }: FileLink): ElfFile | undefined {
    const byId = buildIdPath(buildId);
    const { roots, base } = this.#places();
    // A link in the folder of build ids leads to the file that the path was made for.
    const folders = base === undefined ? [] : [base.path, base.realPath ?? base.path].map(folderOf);
    const attempts: Attempt[] = [
      ...inOrder(roots).map((root) => this.#at("build-id", root, byId)),
      ...[...new Set(folders)].map((folder) => this.#at("told-path", base!.root, pathFrom(folder, name))),
    ];
    const { downloads } = this.#context;
    if (downloads !== undefined) attempts.push({ outcome: "debuginfod", open: () => downloads(buildId) });
    const found = this.#first("supplementary", attempts, this.#open, (elf) =>
      buildId !== "" && readBuildId(elf) === buildId ? undefined : "wrong-build-id",
    );
    this.missing = found === undefined && byId !== undefined ? buildId : "";
    return found;
  }

  split(name: string, compDir: string): ElfFile | undefined {
    const { executable } = this.#places();
    if (executable === undefined || this.#splitLeft-- <= 0) return undefined;
    const { root } = executable;
    const folder = folderOf(executable.path);
    const baseName = safeBaseName(Buffer.from(name));
    const attempts: Attempt[] = [
      this.#at("told-path", root, pathFrom(compDir, name)),
      // A program that was built elsewhere, and copied with what lay around it.
      this.#at("beside", root, name.startsWith("/") ? undefined : pathFrom(folder, name)),
      this.#at("beside", root, baseName && `${folder}/${baseName}`),
    ];
    return this.#first("split", attempts, this.#openSplit, () => undefined);
  }

  package(): ElfFile | undefined {
    const { executable, base } = this.#places();
    const files = [executable, base].filter((file) => file !== undefined);
    const attempts = files.map(({ root, path }) => this.#at("beside", root, `${path}.dwp`));
    return this.#first("package", attempts, this.#open, () => undefined);
  }

  close(): void {
    for (const source of [...this.#open, ...this.#openSplit]) source.close();
  }

  /** A path in a root; undefined for one that cannot be. */
  #at(outcome: DebugFileOutcome, root: Root, path: string | undefined): Attempt {
    const open = (): ReturnType<Attempt["open"]> =>
      path === undefined ? { problem: "not-found" } : openInRoot(this.#context.withPath, root, path);
    return { outcome, open };
  }

  #first(
    kind: DebugFileKind,
    attempts: readonly Attempt[],
    open: ClosableSource[],
    check: (elf: ElfFile) => CheckProblem | undefined,
  ): ElfFile | undefined {
    const problems: DebugFileOutcome[] = [];
    for (const attempt of attempts) {
      const { outcome } = attempt;
      const elf = this.#openElf(attempt, open, check);
      if (typeof elf !== "string") {
        this.#counts.add(kind, outcome);
        return elf;
      }
      problems.push(elf);
    }
    this.#counts.add(kind, mostTelling(problems));
    return undefined;
  }

  #openElf(
    attempt: Attempt,
    open: ClosableSource[],
    check: (elf: ElfFile) => CheckProblem | undefined,
  ): ElfFile | OpenProblem | CheckProblem {
    const file = attempt.open();
    if ("problem" in file) return file.problem;
    const source = new ClosableSource(file);
    const elf = parseElf(source);
    const problem = isRefusal(elf) ? "not-elf" : check(elf);
    if (problem !== undefined) {
      source.close();
      return problem;
    }
    open.push(source);
    if (open === this.#openSplit && open.length > MAX_OPEN_SPLIT) open.shift()?.close();
    return elf as ElfFile;
  }
}
