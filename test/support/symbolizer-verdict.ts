import type { DebugAnswer } from "#src/debuginfo/debug-info.js";
import type { SymbolizerFrame } from "./llvm-symbolizer.js";

/** How many addresses of how many another symbolizer says the same of, and why it does not of the others. */
export interface Verdict {
  readonly addresses: number;
  readonly chains: number;
  readonly places: number;
  /** Why chains are others, and places where chains are equal; the first example of each in words. */
  readonly differences: ReadonlyMap<string, { count: number; readonly example: string }>;
}

/** Known ways of other symbolizers, which make a difference no fault of ours. */
export const EXPLAINED = {
  /** Of files in the compiler's own folder both put it before itself where it is a relative one (Debian's: "./libio/./libio/x.c"). */
  folderTwice: "the compiler's folder is told twice",
  /** binutils takes the symbol table's name for the first function it tells, where DWARF has none of the linker's. */
  firstBySymbol: "addr2line calls the innermost function by the symbol table",
  /** binutils 2.40 reads no range lists that are told by index (DW_FORM_rnglistx), which LLVM's DWARF 5 has for inlined calls. */
  missesCalls: "addr2line misses inlined calls whose ranges are told by index",
  /** Between functions no row says anything, and binutils goes on with the one before. */
  padding: "addr2line tells a line where no function and no row is",
  /** binutils goes on with a linker's name where the declaration that it comes from has one, and llvm-symbolizer and we do not. */
  otherSpelling: "addr2line has a mangled name where the entry has a plain one",
} as const;

export function framesOf({ lines }: DebugAnswer): SymbolizerFrame[] {
  if (lines.length === 0) return [{ name: "", file: "", line: 0 }];
  return lines.map(({ systemName, fileName, line }) => ({ name: systemName, file: fileName, line }));
}

/** Functions from the innermost to the last one before the outermost, whose name oracles take from the symbol table. */
export function chainOf(frames: readonly { readonly name: string }[]): string {
  return [frames.length, ...frames.slice(0, -1).map(({ name }) => name)].join(" ");
}

export function placesOf(frames: readonly SymbolizerFrame[]): string {
  return frames.map(({ file, line }) => `${file}:${line}`).join(" ");
}

/** Compares what we say of addresses with llvm-symbolizer or addr2line. */
export function judge(
  addresses: Float64Array,
  answers: readonly DebugAnswer[],
  others: readonly (readonly SymbolizerFrame[])[],
  isAddr2line: boolean,
): Verdict {
  const differences = new Map<string, { count: number; readonly example: string }>();
  let [chains, places] = [0, 0];
  for (const [at, answer] of answers.entries()) {
    const [ours, theirs] = [framesOf(answer), others[at]];
    const isSameChain = chainOf(ours) === chainOf(theirs);
    const isSamePlace = placesOf(ours) === placesOf(theirs);
    if (isSameChain) chains++;
    if (isSamePlace) places++;
    if (isSameChain && isSamePlace) continue;
    const known =
      isSameChain && placesOf(ours) === placesOf(theirs.map(withFolderOnce)) ? EXPLAINED.folderTwice : undefined;
    const why =
      known ?? (isAddr2line ? explain(ours, theirs) : undefined) ?? (isSameChain ? "another place" : "another chain");
    const found = differences.get(why);
    const words = (frames: readonly SymbolizerFrame[]) =>
      frames.map(({ name, file, line }) => `${name} ${file}:${line}`).join(" < ");
    if (found !== undefined) found.count++;
    else {
      differences.set(why, { count: 1, example: `0x${addresses[at].toString(16)}: ${words(ours)} | ${words(theirs)}` });
    }
  }
  return { addresses: addresses.length, chains, places, differences };
}

function withFolderOnce(frame: SymbolizerFrame): SymbolizerFrame {
  return { ...frame, file: frame.file.replace(/^(\.\/.+?)\/\1\//, "$1/") };
}

function explain(ours: readonly SymbolizerFrame[], theirs: readonly SymbolizerFrame[]): string | undefined {
  if (ours[0].name === "" && ours[0].line === 0) return EXPLAINED.padding;
  if (placesOf(ours) === placesOf(theirs)) {
    const inner = (frames: readonly SymbolizerFrame[]) => frames.slice(1, -1).map(({ name }) => name);
    if (inner(ours).join(" ") === inner(theirs).join(" ")) return EXPLAINED.firstBySymbol;
    const isRespelt = inner(ours).every((name, at) => {
      const other = inner(theirs)[at];
      return name === other || (other.startsWith("_Z") && other.includes(name.replace(/[~<(].*|^~/, "")));
    });
    return isRespelt ? EXPLAINED.otherSpelling : undefined;
  }
  // What is left of the chain is ours, outermost last; only the innermost place is told as we tell it.
  const missing = ours.length - theirs.length;
  if (missing <= 0 || ours[0].line !== theirs[0].line || ours[0].file !== theirs[0].file) return undefined;
  let at = ours.length;
  const isPart = theirs.toReversed().every(({ name }, depth) => {
    if (depth === 0 || depth === theirs.length - 1) return true;
    while (--at >= 0 && ours[at].name !== name);
    return at >= 0;
  });
  return isPart ? EXPLAINED.missesCalls : undefined;
}

/** A line of a table. */
export function describeVerdict(what: string, { addresses, chains, places, differences }: Verdict): string {
  const share = (count: number) => `${((100 * count) / addresses).toFixed(2)} %`;
  const why = [...differences].map(([reason, { count }]) => `${count} ${reason}`).join("; ");
  return `${what}: ${addresses} addresses, chains ${share(chains)}, places ${share(places)}${why === "" ? "" : `; ${why}`}`;
}
