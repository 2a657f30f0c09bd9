import type { LineColumn, LineTable } from "./line-table.js";

/** A script of a process's isolate: what V8 compiled at once. */
export interface V8Script {
  /** Of its isolate's scripts; never given to another. */
  readonly id: number;
  /** As V8 calls it: a path, a URL, "node:fs"; "" of code that was evaluated without a name. */
  readonly name: string;
  /** UTF-16 code units of its source; -1 where unknown. */
  readonly characters: number;
  /** Undefined where neither V8 knows the lines nor the source could be read. */
  readonly lines: LineTable | undefined;
  /** Where in its file its first character is, both from 0. */
  readonly offset: LineColumn;
}

/** A function of a script. */
export interface V8Function {
  /** "" where it has none, in its source or by what it is assigned to. */
  readonly name: string;
  readonly script: string;
  /** {@link V8Script.characters}. */
  readonly scriptCharacters: number;
  /** Where its parameters begin, from 1; 0 where unknown. */
  readonly line: number;
  readonly column: number;
}

/** A place from 1, in its file; zeros where unknown. */
export function placeIn({ lines, offset }: Pick<V8Script, "lines" | "offset">, character: number): LineColumn {
  const place = lines?.at(character);
  if (place === undefined) return { line: 0, column: 0 };
  return {
    line: place.line + offset.line + 1,
    column: place.column + (place.line === 0 ? offset.column : 0) + 1,
  };
}

const FUNCTION_BYTES = 160;

export function functionBytes({ name, script }: V8Function): number {
  return FUNCTION_BYTES + 2 * (name.length + script.length);
}
