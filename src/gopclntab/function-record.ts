import { u32, u64 } from "../elf/little-endian.js";
import type { GoHeader } from "./header.js";

/** One function's entry (runtime/runtime2.go, _func). Offsets are of the part of the table that each is about. */
export interface FunctionRecord {
  readonly name: number;
  /** Of pc values; 0 where there are none. */
  readonly stackSteps: number;
  readonly files: number;
  readonly lines: number;
  readonly unit: number;
  /** The line of its `func`; 0 before Go 1.20. */
  readonly startLine: number;
  /** It is the first on its stack: nothing called it. From Go 1.17 on. */
  readonly isTop: boolean;
  /** It sets sp to what no table says. From Go 1.17 on. */
  readonly writesStackPointer: boolean;
  /** Reads what is inlined in it: conversion, which goes through all functions, has no use for that. */
  readonly inlining: () => Inlining;
}

export interface Inlining {
  /** Of pc values; 0 where there are none. */
  readonly indices: number;
  /** Where its inlining tree lies: from {@link ModuleData.functionData} on, or an ELF address where that is 0. */
  readonly tree: number | undefined;
}

/** internal/abi/symtab.go. */
const FLAG_TOP = 1;
const FLAG_WRITES_SP = 2;
const INLINE_INDICES = 2;
const INLINE_TREE = 3;
const NO_FUNCTION_DATA = 0xffff_ffff;

interface Shape {
  /** Bytes of an entry before its pc values and data. */
  readonly fixed: number;
  /** Bytes of the entry address or offset, which comes first. */
  readonly entry: number;
  /** Where the start line is. */
  readonly startLine: number | undefined;
  readonly data: "pointers" | "offsets";
}

const SHAPES: Readonly<Record<GoHeader["layout"], Shape>> = {
  "1.16": { fixed: 44, entry: 8, startLine: undefined, data: "pointers" },
  "1.18": { fixed: 40, entry: 4, startLine: undefined, data: "offsets" },
  "1.20": { fixed: 44, entry: 4, startLine: 36, data: "offsets" },
};
/** A release knows a handful of each. */
const MAX_TABLES = 64;

/** Reads the entry at `offset` of the functions' part; undefined where it is cut or makes no sense. */
export function readFunctionRecord({ layout, functions }: GoHeader, offset: number): FunctionRecord | undefined {
  const { fixed, entry, startLine, data } = SHAPES[layout];
  const head = functions.read(offset, fixed);
  if (head === undefined) return undefined;
  const tables = u32(head, entry + 24);
  const datas = head[fixed - 1];
  const flags = head[fixed - 3];
  if (tables > MAX_TABLES || datas > MAX_TABLES) return undefined;
  return {
    name: u32(head, entry),
    stackSteps: u32(head, entry + 12),
    files: u32(head, entry + 16),
    lines: u32(head, entry + 20),
    unit: u32(head, entry + 28),
    startLine: startLine === undefined ? 0 : u32(head, startLine),
    isTop: (flags & FLAG_TOP) !== 0,
    writesStackPointer: (flags & FLAG_WRITES_SP) !== 0,
    inlining: () => {
      const indices = tables > INLINE_INDICES ? functions.read(offset + fixed + 4 * INLINE_INDICES, 4) : undefined;
      return { indices: indices === undefined ? 0 : u32(indices, 0), tree: inlineTree() };
    },
  };

  function inlineTree(): number | undefined {
    if (datas <= INLINE_TREE) return undefined;
    const first = offset + fixed + 4 * tables;
    if (data === "offsets") {
      const bytes = functions.read(first + 4 * INLINE_TREE, 4);
      const found = bytes === undefined ? NO_FUNCTION_DATA : u32(bytes, 0);
      return found === NO_FUNCTION_DATA ? undefined : found;
    }
    // Entries begin at multiples of 8, and so do pointers.
    const bytes = functions.read(Math.ceil(first / 8) * 8 + 8 * INLINE_TREE, 8);
    const found = bytes === undefined ? 0 : u64(bytes, 0);
    return found === 0 ? undefined : found;
  }
}
