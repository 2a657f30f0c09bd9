import { closeSync } from "node:fs";
import type { ExecutableId } from "../model/brand.js";
import { limits } from "../native/abi.generated.js";
import type { FileKey, MappingRecord } from "../native/first-sight.js";
import type { Executable, ExecutableContent } from "./executable.js";
import { openMapping, type OpenProblem, type OpenResult } from "./open.js";
import { readVdso } from "./vdso.js";

/** Why a mapping did not lead to an executable. */
export type SightProblem = OpenProblem | "too-many-executables";

/**
 * A file that could not be opened so often, for another reason than that the process had gone, will not be opened the
 * next time either: it gets an id, no contents, and its samples no longer bring copies of their stacks.
 */
const MAX_TRIES = 3;
/** Files whose tries are counted at once: more than that fail only where all fail. */
const MAX_FAILING = 1024;

/** What stands for the path of a file that could not be opened. */
const UNREADABLE_PATH = "[unreadable]";

/** A Map's key for a file: the key's bytes as characters. */
export function keyText(key: FileKey): string {
  return Buffer.from(key.bytes.buffer, key.bytes.byteOffset, key.bytes.byteLength).toString("latin1");
}

/**
 * Every executable that was sampled so far, by file identity and by id. Knows a file from the moment a sampled process
 * let us open it, and keeps it open until close().
 */
export class ExecutableRegistry {
  private readonly byKey = new Map<string, Executable>();
  private readonly list: Executable[] = [];
  /** Tries that failed, by file. */
  private readonly failing = new Map<string, number>();
  /** How often opening failed, by reason. */
  readonly problems = new Map<SightProblem, number>();

  constructor(
    /** At most so many executables; the kernel side's table has as many entries. */
    private readonly capacity: number,
    private readonly open: (pid: number, mapping: MappingRecord) => OpenResult = openMapping,
  ) {}

  find(key: FileKey): Executable | undefined {
    return this.byKey.get(keyText(key));
  }

  get(id: ExecutableId): Executable | undefined {
    return this.list[id];
  }

  get all(): readonly Executable[] {
    return this.list;
  }

  /** The executable behind a mapping, opened now if it was not known; undefined, and counted, when it cannot be had. */
  sight(pid: number, mapping: MappingRecord): Executable | undefined {
    const text = keyText(mapping.key);
    const known = this.byKey.get(text);
    if (known !== undefined) {
      return known;
    }
    if (this.list.length >= Math.min(this.capacity, 2 ** limits.executableIdBits)) {
      return this.refuse("too-many-executables");
    }
    if (isVdso(mapping.key)) {
      const bytes = readVdso();
      return bytes === undefined
        ? this.refuse("open-failed")
        : this.add(text, mapping.key, "[vdso]", { kind: "memory", bytes });
    }
    const result = this.open(pid, mapping);
    if (!("problem" in result)) {
      this.failing.delete(text);
      return this.add(text, mapping.key, result.path, { kind: "file", fd: result.fd });
    }
    this.refuse(result.problem);
    return result.problem !== "process-gone" && this.hasFailedEnough(text)
      ? this.add(text, mapping.key, UNREADABLE_PATH, { kind: "none" })
      : undefined;
  }

  close(): void {
    for (const { content } of this.list) {
      if (content.kind === "file") {
        closeSync(content.fd);
      }
    }
    this.list.length = 0;
    this.byKey.clear();
  }

  private hasFailedEnough(text: string): boolean {
    const tries = (this.failing.get(text) ?? 0) + 1;
    if (tries >= MAX_TRIES) {
      this.failing.delete(text);
      return true;
    }
    if (this.failing.size < MAX_FAILING) {
      this.failing.set(text, tries);
    }
    return false;
  }

  private add(text: string, key: FileKey, path: string, content: ExecutableContent): Executable {
    // The record that the key came in is large, and is let go of: keep these bytes only.
    const own: FileKey = { ...key, bytes: key.bytes.slice() };
    const id = this.list.length as ExecutableId;
    const executable: Executable = { id, key: own, path, content, state: "converting", evictedAtMs: 0 };
    this.list.push(executable);
    this.byKey.set(text, executable);
    return executable;
  }

  private refuse(problem: SightProblem): undefined {
    this.problems.set(problem, (this.problems.get(problem) ?? 0) + 1);
    return undefined;
  }
}

export function isVdso(key: FileKey): boolean {
  return key.inode === 0n && key.generation === limits.generationVdso;
}

/** Executable memory without a file, as a first sight lists it: all zero. */
export function isAnonymous(key: FileKey): boolean {
  return key.inode === 0n && key.generation === 0;
}
