/** Stacks as text, one a line: `comm;root;…;leaf count`. */

export interface FoldedStack {
  readonly comm: string;
  /** Outermost first; kernel frames end in `_[k]`. */
  readonly frames: readonly string[];
  readonly count: number;
}

/** Throws a sentence that quotes the line which is not of the format. */
export function parseFolded(text: string): FoldedStack[] {
  const stacks: FoldedStack[] = [];
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const space = line.lastIndexOf(" ");
    const count = Number(line.slice(space + 1));
    if (space < 1 || !Number.isInteger(count) || count < 1) throw new Error(`not a folded stack: ${line}`);
    const [comm, ...frames] = line.slice(0, space).split(";");
    stacks.push({ comm: comm, frames, count });
  }
  return stacks;
}
