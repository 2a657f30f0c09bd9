import type { FileLink } from "../debuginfo/debug-file.js";
import type { Companions } from "../debuginfo/debug-info.js";
import { readBuildId } from "../elf/build-id.js";
import { type ElfFile, isRefusal } from "../elf/elf-file.js";
import { parseElf } from "../elf/parser.js";
import type { Addon } from "../native/addon.js";
import type { CheckProblem } from "./check.js";
import { ClosableSource } from "./closable-source.js";
import { openInRoot, type OpenProblem } from "./open-in-root.js";
import { type DebugFileKind, type DebugFileOutcome, mostTelling, type OutcomeCounts } from "./outcomes.js";
import { buildIdPath, inOrder } from "./places.js";
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

/** .dwo files that are open at once: a unit of code needs one, and goes through its own before the next. */
const MAX_OPEN_SPLIT = 16;
/** Each is opened by three paths at most. */
const MAX_SPLIT = 20_000;

interface Attempt {
  readonly outcome: DebugFileOutcome;
  readonly root: Root;
  readonly path: string | undefined;
}

/**
 * Opens the files that debug information refers to: by path in the root that it was found in and in no other, by build id in both.
 */
export class CompanionFiles implements Companions {
  readonly #withPath: Addon["withPath"];
  readonly #counts: OutcomeCounts;
  readonly #places: () => CompanionPlaces;
  readonly #open: ClosableSource[] = [];
  readonly #openSplit: ClosableSource[] = [];
  #splitLeft = MAX_SPLIT;

  /** `places` is asked when a file is first sought: most debug information refers to no other. */
  constructor(withPath: Addon["withPath"], counts: OutcomeCounts, places: () => CompanionPlaces) {
    this.#withPath = withPath;
    this.#counts = counts;
    this.#places = places;
  }

  supplementary({ name, buildId }: FileLink): ElfFile | undefined {
    const byId = buildIdPath(buildId);
    const { roots, base } = this.#places();
    // A link in the folder of build ids leads to the file that the path was made for.
    const folders = base === undefined ? [] : [base.path, base.realPath ?? base.path].map(folderOf);
    const attempts: Attempt[] = [
      ...inOrder(roots).map((root) => ({ outcome: "build-id" as const, root, path: byId })),
      ...[...new Set(folders)].map((folder) => ({
        ...{ outcome: "told-path" as const, root: base!.root, path: pathFrom(folder, name) },
      })),
    ];
    return this.#first("supplementary", attempts, this.#open, (elf) =>
      buildId !== "" && readBuildId(elf) === buildId ? undefined : "wrong-build-id",
    );
  }

  split(name: string, compDir: string): ElfFile | undefined {
    const { executable } = this.#places();
    if (executable === undefined || this.#splitLeft-- <= 0) return undefined;
    const { root } = executable;
    const folder = folderOf(executable.path);
    const baseName = safeBaseName(Buffer.from(name));
    const attempts: Attempt[] = [
      { outcome: "told-path", root, path: pathFrom(compDir, name) },
      // A program that was built elsewhere, and copied with what lay around it.
      { outcome: "beside", root, path: name.startsWith("/") ? undefined : pathFrom(folder, name) },
      { outcome: "beside", root, path: baseName && `${folder}/${baseName}` },
    ];
    return this.#first("split", attempts, this.#openSplit, () => undefined);
  }

  package(): ElfFile | undefined {
    const { executable, base } = this.#places();
    const files = [executable, base].filter((file) => file !== undefined);
    const attempts = files.map(({ root, path }) => ({ outcome: "beside" as const, root, path: `${path}.dwp` }));
    return this.#first("package", attempts, this.#open, () => undefined);
  }

  close(): void {
    for (const source of [...this.#open, ...this.#openSplit]) source.close();
  }

  #first(
    kind: DebugFileKind,
    attempts: readonly Attempt[],
    open: ClosableSource[],
    check: (elf: ElfFile) => CheckProblem | undefined,
  ): ElfFile | undefined {
    const problems: DebugFileOutcome[] = [];
    for (const { outcome, root, path } of attempts) {
      const elf = path === undefined ? "not-found" : this.#openElf(root, path, open, check);
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
    root: Root,
    path: string,
    open: ClosableSource[],
    check: (elf: ElfFile) => CheckProblem | undefined,
  ): ElfFile | OpenProblem | CheckProblem {
    const file = openInRoot(this.#withPath, root, path);
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
