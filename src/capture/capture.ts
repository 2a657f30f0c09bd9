import { ExecutableRegistry } from "../executables/registry.js";
import type { Native } from "../native/load.js";
import { InterpreterTable } from "../interpreters/interpreter-table.js";
import type { InterpreterName } from "../model/interpreter.js";
import { RuleTable } from "../unwind/rules.js";
import { TableStepper } from "../unwind/table-stepper.js";
import { TableStore } from "../unwind/table-store.js";
import { CgroupTable } from "./cgroups.js";
import { Conversions, type Convert } from "./conversions.js";
import { FirstSights } from "./first-sights.js";
import { Intake } from "./intake.js";
import { Sampler, type SamplerOptions } from "./sampler.js";
import { Tap, type WantsThread } from "./tap.js";
import { Upkeep } from "./upkeep.js";
import { Window } from "./window.js";

export interface CaptureOptions extends SamplerOptions {
  /** Budget of all unwind tables together. */
  readonly unwindMemoryBytes: number;
  /** Languages whose frames stay those of the interpreter. */
  readonly excludedInterpreters: readonly InterpreterName[];
  /** Budget of stack copies that wait for rows. */
  readonly pendingMemoryBytes: number;
  /** Budget of one window, which {@link Capture.onWindowFull} tells of; none when undefined. */
  readonly windowMemoryBytes?: number;
}

/** What a tap gathered. */
export interface TappedWindow {
  readonly window: Window;
  /** Samples that are not in it because their rows did not come in time. */
  readonly late: number;
}

/** How often a tap that ends looks whether all has come. */
const LATE_LOOK_MS = 20;
/** How long a stop waits for the rows of files that samples still wait for. */
const SETTLE_MS = 5000;

/**
 * The path of a sample from the kernel to a window: drained, finished if it met a new file, counted. Makes and ties
 * together the parts; knows no names and no output.
 */
export class Capture {
  readonly registry: ExecutableRegistry;
  readonly sampler: Sampler;
  readonly cgroups: CgroupTable;
  readonly tables: TableStore;
  readonly interpreters: InterpreterTable;
  readonly conversions: Conversions;
  readonly firstSights: FirstSights;
  readonly rules: RuleTable;
  readonly intake: Intake;
  readonly upkeep: Upkeep;
  /**
   * The current window holds more than its budget: time to rotate, which loses nothing. Called once a window, on a turn
   * of the event loop of its own.
   */
  onWindowFull: (() => void) | undefined;
  /** Of one window. May change meanwhile. */
  windowMemoryBytes: number;
  private full: NodeJS.Immediate | undefined;

  /** Loads the kernel side; throws a NativeError, with nothing left behind, where the kernel refuses. */
  constructor(native: Native, options: CaptureOptions, convert: Convert) {
    this.windowMemoryBytes = options.windowMemoryBytes ?? Infinity;
    this.sampler = new Sampler(native, options, (cursor, byteLength) => {
      this.intake.take(cursor, byteLength);
      this.checkWindow();
    });
    const { session } = this.sampler;
    this.cgroups = new CgroupTable(session, options.defaultDivisor);
    const ruleMemory = session.mapMemory("rules");
    this.rules = new RuleTable(new Uint8Array(ruleMemory));
    this.registry = new ExecutableRegistry(options.executables, undefined, () => {
      this.upkeep.makeRoom();
    });
    this.tables = new TableStore(session, this.rules, {
      memoryBytes: options.unwindMemoryBytes,
      slots: options.executables,
    });
    this.interpreters = new InterpreterTable(session, options.excludedInterpreters);
    this.conversions = new Conversions(this.tables, this.interpreters, convert, (executable) => {
      this.firstSights.settled(executable);
    });
    this.firstSights = new FirstSights(
      {
        registry: this.registry,
        tables: this.tables,
        conversions: this.conversions,
        stepper: new TableStepper(process.arch === "arm64" ? "aarch64" : "x86-64", new Uint32Array(ruleMemory)),
        finish: (header, frames, kernelFrames, outcome) => {
          this.intake.finish(header, frames, kernelFrames, outcome);
        },
      },
      options.pendingMemoryBytes,
    );
    this.intake = new Intake(new Window(), this.firstSights, this.cgroups);
    const { registry, tables, interpreters, conversions, intake } = this;
    this.upkeep = new Upkeep({
      ...{ registry, tables, interpreters, conversions, window: () => intake.window },
      tapped: () => Array.from(intake.taps, ({ window }) => window),
    });
  }

  start(): void {
    this.sampler.start();
  }

  /** Ticks a second on each CPU from now on, 1 to 999; 0 for a rest ({@link Sampler.setFrequency}). The window goes on. */
  setFrequency(frequencyHz: number): void {
    this.sampler.setFrequency(frequencyHz);
  }

  /**
   * Ends the current window and begins the next, in one turn of the event loop: each sample is in exactly one of them.
   * What the ring holds is taken first. A sample that waits for a file's rows joins whichever window is current when they
   * come; one whose file nobody could open through a whole window is cut where it stands. Executables that no window has
   * met for a while are let go. A part of a window, cut because the rate changes, does not count as one for either; before
   * a rest no sample goes on waiting.
   */
  rotate(ended: "whole" | "part" | "rest" = "whole"): Window {
    this.sampler.flush();
    if (ended === "whole") this.firstSights.giveUpOld();
    if (ended === "rest") this.firstSights.giveUp();
    const { window } = this.intake;
    if (ended === "part") this.upkeep.partEnded(window);
    else this.upkeep.windowEnded(window);
    this.intake.window = new Window();
    clearImmediate(this.full);
    this.full = undefined;
    for (const tap of this.intake.taps) {
      tap.windowEnded();
    }
    return window;
  }

  /** No sample waits for rows any more: after a rest began, nothing is added to the window. */
  get settled(): boolean {
    return this.firstSights.count === 0;
  }

  /**
   * The rest is a long one: every executable is let go, with its descriptor, which may pin the file system of a container
   * that has ended. What is sampled next is met anew.
   */
  letGo(): void {
    this.upkeep.letGoAll();
  }

  /**
   * From now on samples of threads that are wanted join a second window too, until {@link closeTap}. They are in the
   * regular windows as ever.
   */
  openTap(wants: WantsThread): Tap {
    const tap = new Tap(wants);
    this.intake.taps.add(tap);
    return tap;
  }

  /**
   * Ends a tap and gives its window, with all that was taken by now: also those samples that wait for rows, for which it
   * waits, but no longer than so many milliseconds. `late` of them did not come by then.
   */
  async closeTap(tap: Tap, waitMs: number): Promise<TappedWindow> {
    tap.end();
    this.sampler.flush();
    const waiting = (): number => this.firstSights.countWhere((header) => tap.awaits(header));
    const deadline = performance.now() + waitMs;
    while (waiting() > 0 && performance.now() < deadline) {
      await delay(Math.min(LATE_LOOK_MS, deadline - performance.now()));
    }
    this.intake.taps.delete(tap);
    return { window: tap.window, late: waiting() };
  }

  /** Nobody wants what a tap has gathered. */
  dropTap(tap: Tap): void {
    this.intake.taps.delete(tap);
  }

  /** Stops sampling, waits for the rows that samples wait for, and gives the window with every sample in it. */
  async stop(): Promise<Window> {
    this.sampler.stop();
    clearImmediate(this.full);
    this.conversions.hurry();
    const deadline = performance.now() + SETTLE_MS;
    while (this.conversions.busy && performance.now() < deadline) {
      await Promise.race([this.conversions.idle(), delay(deadline - performance.now())]);
    }
    this.firstSights.giveUp();
    await this.tables.settled();
    return this.intake.window;
  }

  private checkWindow(): void {
    if (this.full === undefined && this.intake.window.bytes > this.windowMemoryBytes) {
      this.full = setImmediate(() => this.onWindowFull?.());
    }
  }

  /** Lets go of the kernel side. The executables stay open: their symbols are still to be read. */
  close(): void {
    this.tables.close();
    this.sampler.close();
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
