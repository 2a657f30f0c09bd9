import type { LineChains, NamedFunction } from "../symbols/resolver.js";
import { printable } from "../util/printable.js";
import type { CodeFile, CodeFileState, FoundCode, ReadOutcome } from "./code-file.js";
import { descriptorSource } from "./growing-file.js";
import { Jitdump } from "./jitdump.js";
import { PerfMap } from "./perf-map.js";
import { spellFunction } from "./spelling.js";

export const CODE_FILE_KINDS = ["jitdump", "perf-map"] as const;
export type CodeFileKind = (typeof CODE_FILE_KINDS)[number];

/** Addresses of one process to name, asked of the worker. */
export interface JitRequest {
  /** In order of preference. `state`: what an earlier answer gave back; its columns are handed over. */
  readonly files: readonly {
    readonly kind: CodeFileKind;
    readonly fd: number;
    readonly state: CodeFileState | undefined;
  }[];
  /** Distinct, ascending. */
  readonly addresses: Float64Array;
  /** What may be read of all files together. */
  readonly maxBytes: number;
}

export interface JitAnswer {
  /** Of each address, index into chains, or -1. */
  readonly chainIndices: Int32Array;
  readonly chains: LineChains;
  readonly functions: readonly NamedFunction[];
  /** Parallel to the request's; states are handed over. */
  readonly files: readonly { readonly outcome: ReadOutcome; readonly bytes: number; readonly state: CodeFileState }[];
}

const OPENERS = {
  jitdump: (fd: number, state: CodeFileState | undefined): CodeFile => new Jitdump(descriptorSource(fd), state),
  "perf-map": (fd: number, state: CodeFileState | undefined): CodeFile => new PerfMap(descriptorSource(fd), state),
} satisfies Record<CodeFileKind, unknown>;

/** Reads on in the files of a process, and names. Never throws. */
export function answerJit({ files, addresses, maxBytes }: JitRequest): JitAnswer {
  const found = new Array<FoundCode | undefined>(addresses.length).fill(undefined);
  let leftBytes = maxBytes;
  const answered = files.map(({ kind, fd, state }) => {
    const file = OPENERS[kind](fd, state);
    const { outcome, bytes } = file.readOn(leftBytes);
    leftBytes = Math.max(0, leftBytes - bytes);
    for (const [row, code] of file.find(addresses).entries()) found[row] ??= code;
    return { outcome, bytes, state: file.state };
  });
  return { ...chainsOf(found), files: answered };
}

function chainsOf(found: readonly (FoundCode | undefined)[]): Pick<JitAnswer, "chainIndices" | "chains" | "functions"> {
  const functions: NamedFunction[] = [];
  const functionRows = new Map<string, number>();
  const chainRows = new Map<string, number>();
  const [chainFunctions, lines]: [number[], number[]] = [[], []];
  const chainIndices = Int32Array.from(found, (code) => {
    if (code === undefined) return -1;
    const { name, fileName, line } = code;
    let fn = functionRows.get(name);
    if (fn === undefined) {
      const spelled = spellFunction(name);
      const named = spelled.fileName === "" ? { ...spelled, fileName: printable(fileName) } : spelled;
      functionRows.set(name, (fn = functions.push(named) - 1));
    }
    const chainKey = `${fn} ${line}`;
    let chain = chainRows.get(chainKey);
    if (chain === undefined) {
      chainRows.set(chainKey, (chain = chainFunctions.push(fn) - 1));
      lines.push(line);
    }
    return chain;
  });
  const chains: LineChains = {
    offsets: Uint32Array.from({ length: lines.length + 1 }, (_, row) => row),
    functions: Uint32Array.from(chainFunctions),
    lines: Uint32Array.from(lines),
  };
  return { chainIndices, chains, functions };
}

/** The memory of states, to be handed over rather than copied. */
export function buffersOf(states: readonly (CodeFileState | undefined)[]): ArrayBuffer[] {
  return states.flatMap((state) => {
    if (state === undefined) return [];
    const { starts, sizes, names, lines } = state.columns;
    return [starts, sizes, names, lines].map(({ buffer }) => buffer as ArrayBuffer);
  });
}
