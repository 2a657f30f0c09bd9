import { baseName } from "./base-name.js";
import type { CodeKind, Profile, ProfileLocation } from "./profile.js";

/**
 * A function as a reader sees it: the same name in the same file is one frame, whatever the address in it; inlined, it is
 * another.
 */
export interface Frame {
  readonly name: string;
  readonly kind: CodeKind;
  /** Whether it was inlined into the frame that is its caller. */
  readonly inlined: boolean;
  /** Base name of the executable, "kernel", "JIT", a source file's base name, or "" when nothing is known. */
  readonly where: string;
}

/** The frames of each location: those of location l are indices[offsets[l] .. offsets[l + 1]), innermost first. */
export interface FrameTable {
  readonly frames: readonly Frame[];
  /** One entry more than the profile has locations. */
  readonly offsets: Uint32Array;
  /** Indices into frames. */
  readonly indices: Uint32Array;
}

/** Distinct by name, file and kind, and by whether it was inlined. */
export function frameKey(frame: Frame): string {
  return `${frame.inlined ? "inlined " : ""}${functionKey(frame)}`;
}

/** Distinct by name, file and kind: a function that is called here and inlined there is one. */
export function functionKey(frame: Frame): string {
  return `${frame.kind}\0${frame.where}\0${frame.name}`;
}

/** The profile's frames, merged where keyOf gives the same text (the first of them stands for all). */
export function frameTable(profile: Profile, keyOf: (frame: Frame) => string = frameKey): FrameTable {
  const { locations, mappings } = profile;
  const offsets = new Uint32Array(locations.length + 1);
  for (let i = 0; i < locations.length; i++) offsets[i + 1] = offsets[i] + locations[i].lines.length;
  const indices = new Uint32Array(offsets[locations.length]);

  const frames: Frame[] = [];
  const byKey = new Map<string, number>();
  // Most locations repeat a (function, mapping, kind) already met; the number spares them the building of strings.
  const byNumber = new Map<number, number>();
  const intern = (location: ProfileLocation, functionIndex: number, inlined: boolean): number => {
    const mapped = functionIndex * (mappings.length + 1) + location.mappingIndex + 1;
    const number = mapped * 8 + KIND_NUMBER[location.kind] * 2 + Number(inlined);
    let index = byNumber.get(number);
    if (index !== undefined) return index;
    const frame = frameAt(profile, location, functionIndex, inlined);
    const key = keyOf(frame);
    index = byKey.get(key);
    if (index === undefined) {
      index = frames.push(frame) - 1;
      byKey.set(key, index);
    }
    byNumber.set(number, index);
    return index;
  };

  let next = 0;
  for (const location of locations) {
    const outermost = location.lines.length - 1;
    for (const [at, line] of location.lines.entries()) {
      indices[next++] = intern(location, line.functionIndex, at < outermost);
    }
  }
  return { frames, offsets, indices };
}

const KIND_NUMBER: Readonly<Record<CodeKind, number>> = { kernel: 0, native: 1, interpreter: 2, jit: 3 };

function frameAt(profile: Profile, location: ProfileLocation, functionIndex: number, inlined: boolean): Frame {
  const { name, fileName } = profile.functions[functionIndex];
  const mapped = profile.mappings[location.mappingIndex]?.fileName ?? "";
  return { name, kind: location.kind, inlined, where: whereOf(location.kind, mapped, fileName) };
}

function whereOf(kind: CodeKind, mappedFile: string, sourceFile: string): string {
  if (kind === "kernel") return "kernel";
  // An interpreter's function lies in a script; that the evaluation loop lies in libpython says nothing about it.
  if (kind === "interpreter" && sourceFile !== "") return baseName(sourceFile);
  if (kind === "jit") return sourceFile === "" ? "JIT" : baseName(sourceFile);
  return baseName(mappedFile);
}
