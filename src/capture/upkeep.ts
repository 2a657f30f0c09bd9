import type { Executable } from "../executables/executable.js";
import type { ExecutableRegistry } from "../executables/registry.js";
import { frameKind } from "../native/abi.generated.js";
import { executableOfFrame, kindOfFrame } from "../native/raw-frame.js";
import type { InterpreterTable } from "../interpreters/interpreter-table.js";
import type { TableStore } from "../unwind/table-store.js";
import type { Conversions } from "./conversions.js";
import type { Window } from "./window.js";

/** Whole windows without a sample of an executable, after which it is let go. */
const IDLE_WINDOWS = 2;
/** What makes room lets go of this share of all at once: who is to go takes a look at everyone. */
const ROOM_SHARE = 16;

export interface UpkeepModules {
  readonly registry: ExecutableRegistry;
  readonly tables: TableStore;
  readonly interpreters: InterpreterTable;
  readonly conversions: Conversions;
  readonly window: () => Window;
  /** Windows that somebody gathers beside: what they have frames of is needed for their names. */
  readonly tapped: () => Iterable<Window>;
}

/**
 * What a process that runs for months does for its executables: those that no window meets any more are let go, with
 * their entry in the kernel, their table and their descriptor, which pins the file system of a container that may have
 * ended long ago. The next sample announces such a file afresh, as another executable.
 */
export class Upkeep {
  /** Executables let go because two windows in a row had no sample of them, or nothing was sampled for long. */
  idle = 0;
  /** Executables let go to make room for others. */
  displaced = 0;
  /** How many had been converted when nothing could be let go: until the next one is, nothing can. */
  private settledWithoutRoom = -1;

  constructor(private readonly modules: UpkeepModules) {}

  /** Takes account of the window that ends, the registry's current one, and begins the next. */
  windowEnded(window: Window): void {
    const { registry, conversions } = this.modules;
    this.meet(window);
    this.meetTapped();
    const now = performance.now();
    for (const executable of [...registry.all()]) {
      if (executable.state === "anonymous") this.meetAnonymous(executable);
      const sampled = executable.lastWindow === registry.window;
      if (executable.lastWindow + IDLE_WINDOWS <= registry.window) {
        this.idle += this.letGo(executable) ? 1 : 0;
      } else if (sampled && executable.retryAtMs !== 0 && executable.retryAtMs <= now) {
        executable.retryAtMs = 0;
        conversions.request(executable);
      }
    }
    registry.nextWindow();
  }

  /** Takes account of a part of the current window, which goes on in another. */
  partEnded(window: Window): void {
    this.meet(window);
  }

  /** Nobody samples for a long time. */
  letGoAll(): void {
    for (const executable of [...this.modules.registry.all()]) {
      this.idle += this.letGo(executable) ? 1 : 0;
    }
  }

  /**
   * Lets go of the executables sampled least recently; of those that the current window has, the least sampled. Sample after sample
   * asks for it while there is no room, so where all wait for their rows it costs next to nothing.
   */
  makeRoom(): void {
    const { registry, tables, conversions } = this.modules;
    if (this.settledWithoutRoom === conversions.converted) return;
    const settled = [...registry.all()].filter(isSettled);
    if (settled.length === 0) {
      this.settledWithoutRoom = conversions.converted;
      return;
    }
    this.meet(this.modules.window());
    this.meetTapped();
    const ranked = settled.map((executable) => ({ executable, hits: tables.hits(executable) }));
    ranked.sort((a, b) => a.executable.lastWindow - b.executable.lastWindow || Number(a.hits - b.hits));
    let wanted = Math.ceil(registry.size / ROOM_SHARE);
    for (const { executable } of ranked) {
      if (wanted === 0) {
        return;
      }
      if (this.letGo(executable)) {
        this.displaced++;
        wanted--;
      }
    }
  }

  private letGo(executable: Executable): boolean {
    const { registry, tables, interpreters } = this.modules;
    if (!isSettled(executable) || !tables.forget(executable)) {
      return false;
    }
    interpreters.letGo(executable);
    registry.letGo(executable);
    return true;
  }

  /** Its frames are addresses, so whether it was met is asked of the kernel side. */
  private meetAnonymous(executable: Executable): void {
    const { registry, tables } = this.modules;
    const hits = tables.hits(executable);
    if (hits !== executable.hitsSeen) executable.lastWindow = registry.window;
    executable.hitsSeen = hits;
  }

  private meetTapped(): void {
    for (const window of this.modules.tapped()) {
      this.meet(window);
    }
  }

  /** Notes for each executable that this window, a current one, has frames of it. */
  private meet(window: Window): void {
    const { registry } = this.modules;
    const { words } = window.stacks.columns();
    let last = -1;
    for (let at = 1; at < words.length; at += 2) {
      const high = words[at];
      if (kindOfFrame(high) !== frameKind.native) {
        continue;
      }
      const id = executableOfFrame(high);
      if (id !== last) {
        last = id;
        const executable = registry.get(id);
        if (executable !== undefined) {
          executable.lastWindow = registry.window;
        }
      }
    }
  }
}

/** Nothing is let go while its rows are made: the converter reads its file, and samples wait for them. */
function isSettled({ state }: Executable): boolean {
  return state !== "converting";
}
