import type { AgentOptions } from "../../model/agent-options.js";
import type { Log } from "../../model/log.js";
import type { Clock } from "../../util/clock.js";
import type { PartHealth } from "../health.js";
import { changesOf, type OptionChanges, type OptionName } from "./changes.js";

/** What became of a wish to read the configuration again. "failed": it is right, and could be applied in part only. */
export const RELOAD_RESULTS = ["applied", "unchanged", "refused", "failed"] as const;
export type ReloadResult = (typeof RELOAD_RESULTS)[number];

/** Who asked. */
export type ReloadCause = "signal" | "file";

/** What was read. */
export interface ReadOptions {
  readonly options: AgentOptions;
  /** Sentences about what says nothing. */
  readonly warnings: readonly string[];
}

export interface ReloadModules {
  /** Reads all of it again, as at the start. Rejects with an Error: a sentence for each wrong value, a line each. */
  readonly read: () => Promise<ReadOptions>;
  /**
   * Makes ready what these options want, and gives the function that applies them within one turn of the event loop. Changes
   * nothing itself; rejects with an Error where something about them is wrong that only now shows.
   */
  readonly prepare: (options: AgentOptions) => Promise<() => void>;
  /** What a person calls the option: its flag. */
  readonly nameOf: (option: OptionName) => string;
  readonly log: Log;
  readonly clock: Clock;
}

/**
 * The configuration, read again while the agent runs. Wrong in anything, it changes nothing; what cannot change goes on as it was,
 * and is said. One after another: who asks while one is under way has it read once more after that.
 */
export class Reload {
  readonly counts: Record<ReloadResult, number> = { applied: 0, unchanged: 0, refused: 0, failed: 0 };
  /** Wall clock, milliseconds: when what holds now was last read and found right. */
  lastSuccessMs: number;
  #options: AgentOptions;
  #asked: ReloadCause | undefined;
  #running: Promise<void> | undefined;
  #isClosed = false;
  #problem = "";
  /** Options that wait for a restart, and the values they wait with. */
  #pending: ReadonlyMap<OptionName, string | undefined> = new Map();

  /** The options are those that the agent began with. */
  constructor(
    options: AgentOptions,
    private readonly modules: ReloadModules,
  ) {
    this.#options = options;
    this.lastSuccessMs = modules.clock.wallMs();
  }

  /** What holds now. */
  get options(): AgentOptions {
    return this.#options;
  }

  get health(): PartHealth {
    if (this.#problem !== "") return { state: "degraded", detail: this.#problem };
    const names = this.#namesOf([...this.#pending.keys()]);
    return { state: "ok", detail: names.length === 0 ? "" : `${names.join(", ")}: changed, and waits for a restart.` };
  }

  /** Has it read as soon as may be; does not wait for that. */
  ask(cause: ReloadCause): void {
    if (this.#isClosed) return;
    this.#asked = cause;
    this.#running ??= this.#run();
  }

  /** Nothing is applied any more, be it read already. */
  close(): void {
    this.#isClosed = true;
  }

  async #run(): Promise<void> {
    for (let cause = this.#asked; cause !== undefined && !this.#isClosed; cause = this.#asked) {
      this.#asked = undefined;
      const result = await this.#reload(cause);
      if (result !== undefined) this.counts[result]++;
    }
    this.#running = undefined;
  }

  /** Undefined where the agent ended before there was a result. */
  async #reload(cause: ReloadCause): Promise<ReloadResult | undefined> {
    const { read, prepare } = this.modules;
    try {
      const next = await read();
      const changes = changesOf(this.#options, next.options);
      const apply = await prepare(changes.options);
      return this.#isClosed ? undefined : this.#apply(apply, cause, changes, next);
    } catch (error) {
      return this.#isClosed ? undefined : this.#refuse(error, cause);
    }
  }

  #apply(apply: () => void, cause: ReloadCause, changes: OptionChanges, next: ReadOptions): ReloadResult {
    const { log, clock } = this.modules;
    const changed = this.#namesOf(changes.changed);
    this.#options = changes.options;
    this.#notePending(changes.needRestart, next.options);
    for (const warning of next.warnings) log.warn("configuration", { warning });
    try {
      apply();
    } catch (error) {
      this.#problem = `the configuration was changed and could be applied in part only (${String(error)}): restart the agent.`;
      log.error("reload_failed", { cause, changed, error });
      return "failed";
    }
    this.#problem = "";
    this.lastSuccessMs = clock.wallMs();
    log.info("reloaded", { cause, changed });
    return changed.length === 0 ? "unchanged" : "applied";
  }

  #refuse(error: unknown, cause: ReloadCause): ReloadResult {
    const { log, clock } = this.modules;
    const problems = (error instanceof Error ? error.message : String(error)).split("\n");
    const time = new Date(clock.wallMs()).toISOString();
    this.#problem = `the configuration as it was read at ${time} is refused, and the one before goes on: ${problems.join(" ")}`;
    log.error("reload_refused", { cause, problems });
    return "refused";
  }

  /** Says what waits for a restart, once for each value that it was given. */
  #notePending(needRestart: readonly OptionName[], next: AgentOptions): void {
    const pending = new Map(needRestart.map((name) => [name, JSON.stringify(next[name])]));
    const fresh = needRestart.filter((name) => this.#pending.get(name) !== pending.get(name));
    this.#pending = pending;
    if (fresh.length > 0) this.modules.log.warn("reload_needs_restart", { options: this.#namesOf(fresh) });
  }

  #namesOf(options: readonly OptionName[]): readonly string[] {
    return options.map((option) => this.modules.nameOf(option));
  }
}
