import { closeSync } from "node:fs";
import type { ExecutableId, ExecutableSerial } from "../model/brand.js";
import { limits } from "../native/abi.generated.js";
import type { FileKey, MappingRecord } from "../native/first-sight.js";
import {
  FORMER_PATH_CHARACTERS,
  type Executable,
  type ExecutableContent,
  type FormerExecutable,
} from "./executable.js";
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

/**
 * How many windows an id rests after its executable was let go. A frame of it may still lie in the ring, or in a sample
 * that waits for another file (two windows at most), and the window it then joins is named after its end.
 */
const FORMER_WINDOWS = 4;
/** What is remembered of executables let go: some 20 MiB when each has the longest path, 6 otherwise. */
const MAX_FORMER = 65_536;

const IDS = 2 ** limits.executableIdBits;

/** A Map's key for a file: the key's bytes as characters. */
export function keyText(key: FileKey): string {
  return Buffer.from(key.bytes.buffer, key.bytes.byteOffset, key.bytes.byteLength).toString("latin1");
}

/**
 * The executables that are sampled, by file identity and by id. Knows a file from the moment a sampled process let us
 * open it, and keeps it open until it is let go, for that pins the file system it lies on.
 */
export class ExecutableRegistry {
  private readonly byKey = new Map<string, Executable>();
  private readonly byId = new Map<ExecutableId, Executable>();
  /** In the order they were let go. */
  private readonly formerById = new Map<ExecutableId, FormerExecutable>();
  /** Who reads from an executable's contents at the moment; it stays open for them. */
  private readonly holders = new Map<Executable, number>();
  private nextId = 0;
  private nextSerial = 0;
  /** Tries that failed, by file. */
  private readonly failing = new Map<string, number>();
  /** How often opening failed, by reason. */
  readonly problems = new Map<SightProblem, number>();
  /** Number of the window that samples join now. */
  window = 0;

  constructor(
    /** At most so many executables at once; the kernel side's table has as many entries. */
    private readonly capacity: number,
    private readonly open: (pid: number, mapping: MappingRecord) => OpenResult = openMapping,
    /** Lets go of some when there are too many, or too many open files. */
    private readonly makeRoom: () => void = () => undefined,
  ) {}

  find(key: FileKey): Executable | undefined {
    return this.byKey.get(keyText(key));
  }

  /** By {@link keyText}. */
  has(text: string): boolean {
    return this.byKey.has(text);
  }

  get(id: ExecutableId): Executable | undefined {
    return this.byId.get(id);
  }

  /** What is left of an executable that was let go a few windows ago. */
  former(id: ExecutableId): FormerExecutable | undefined {
    return this.formerById.get(id);
  }

  /** The executables known now. */
  all(): IterableIterator<Executable> {
    return this.byId.values();
  }

  get size(): number {
    return this.byId.size;
  }

  /** Executables met so far, those let go among them. */
  get seen(): number {
    return this.nextSerial;
  }

  /** The executable behind a mapping, opened now if it was not known; undefined, and counted, when it cannot be had. */
  sight(pid: number, mapping: MappingRecord): Executable | undefined {
    const text = keyText(mapping.key);
    const known = this.byKey.get(text);
    if (known !== undefined) {
      return known;
    }
    if (this.byId.size >= this.capacity) {
      this.makeRoom();
    }
    if (this.byId.size >= this.capacity || this.formerById.size >= MAX_FORMER) {
      return this.refuse("too-many-executables");
    }
    if (isVdso(mapping.key)) {
      const bytes = readVdso();
      return bytes === undefined
        ? this.refuse("open-failed")
        : this.add(text, mapping.key, "[vdso]", { kind: "memory", bytes });
    }
    const result = this.openWithRoom(pid, mapping);
    if (!("problem" in result)) {
      this.failing.delete(text);
      return this.add(text, mapping.key, result.path, { kind: "file", fd: result.fd }, result.isUnlinked);
    }
    this.refuse(result.problem);
    return isOfTheFile(result.problem) && this.hasFailedEnough(text)
      ? this.add(text, mapping.key, UNREADABLE_PATH, { kind: "none" })
      : undefined;
  }

  /**
   * Forgets an executable, whose entry in the kernel is gone already. Its file is closed, as soon as nobody holds it; its
   * id rests, and its path stays known, while a window may hold a frame of it.
   */
  letGo(executable: Executable): void {
    const { id, serial, path } = executable;
    this.byKey.delete(keyText(executable.key));
    this.byId.delete(id);
    this.formerById.set(id, { serial, path: shortCopy(path), window: this.window });
    this.closeUnlessHeld(executable);
  }

  /** Keeps an executable's contents readable, let go or not, until the matching {@link release}. */
  hold(executable: Executable): void {
    this.holders.set(executable, (this.holders.get(executable) ?? 0) + 1);
  }

  release(executable: Executable): void {
    const left = (this.holders.get(executable) ?? 0) - 1;
    if (left > 0) {
      this.holders.set(executable, left);
      return;
    }
    this.holders.delete(executable);
    if (this.byId.get(executable.id) !== executable) {
      this.closeUnlessHeld(executable);
    }
  }

  /** The next window begins. */
  nextWindow(): void {
    this.window++;
    for (const [id, { window }] of this.formerById) {
      if (window + FORMER_WINDOWS >= this.window) {
        break;
      }
      this.formerById.delete(id);
    }
    // Of files that are never seen again, too: a new count for all is better than none for the next.
    if (this.failing.size >= MAX_FAILING) {
      this.failing.clear();
    }
  }

  close(): void {
    const executables = [...this.byId.values()];
    this.byId.clear();
    this.byKey.clear();
    for (const executable of executables) {
      this.closeUnlessHeld(executable);
    }
  }

  /** Where there are no descriptors left, other files' are let go of, once. */
  private openWithRoom(pid: number, mapping: MappingRecord): OpenResult {
    const result = this.open(pid, mapping);
    if (!("problem" in result) || result.problem !== "too-many-open-files") {
      return result;
    }
    this.makeRoom();
    return this.open(pid, mapping);
  }

  private closeUnlessHeld(executable: Executable): void {
    if (executable.content.kind === "file" && !this.holders.has(executable)) {
      closeSync(executable.content.fd);
    }
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

  private add(text: string, key: FileKey, path: string, content: ExecutableContent, isUnlinked = false): Executable {
    // The record that the key came in is large, and is let go of: keep these bytes only.
    const own: FileKey = { ...key, bytes: key.bytes.slice() };
    const executable: Executable = {
      id: this.allotId(),
      serial: this.nextSerial++ as ExecutableSerial,
      key: own,
      path,
      content,
      isUnlinked,
      state: "converting",
      evictedAtMs: 0,
      retryAtMs: 0,
      lastWindow: this.window,
      hitsSeen: 0n,
      interpreter: undefined,
    };
    this.byId.set(executable.id, executable);
    this.byKey.set(text, executable);
    return executable;
  }

  /** In a circle, past those in use or at rest: of a million at most seventy thousand. */
  private allotId(): ExecutableId {
    for (;;) {
      const id = this.nextId as ExecutableId;
      this.nextId = (this.nextId + 1) % IDS;
      if (!this.byId.has(id) && !this.formerById.has(id)) {
        return id;
      }
    }
  }

  private refuse(problem: SightProblem): undefined {
    this.problems.set(problem, (this.problems.get(problem) ?? 0) + 1);
    return undefined;
  }
}

/** Whether it says something of the file, rather than of the process that was asked, or of us. */
function isOfTheFile(problem: OpenProblem): boolean {
  return problem !== "process-gone" && problem !== "too-many-open-files";
}

/** The end of a path as a string of its own: a slice would keep the whole alive. */
function shortCopy(path: string): string {
  return Buffer.from(path.slice(-FORMER_PATH_CHARACTERS)).toString();
}

export function isVdso(key: FileKey): boolean {
  return key.inode === 0n && key.generation === limits.generationVdso;
}

/** Executable memory without a file, as a first sight lists it: all zero. */
export function isAnonymous(key: FileKey): boolean {
  return key.inode === 0n && key.generation === 0;
}
