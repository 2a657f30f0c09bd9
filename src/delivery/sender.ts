import type { Log } from "../model/log.js";
import type { Upload } from "../model/upload.js";
import { Backoff, type BackoffOptions } from "../util/backoff.js";
import type { SleepingClock } from "../util/clock.js";
import { fitColumns, printable } from "../util/printable.js";
import type { Backlog, WaitingUpload } from "./backlog.js";
import type { Destination, SendResult } from "./destination.js";
import { noAmount, Tally } from "./tally.js";

export interface SenderOptions {
  /** After it a try is aborted, and made again later. */
  readonly tryMs: number;
  /** How long an upload may be in memory alone. */
  readonly memoryMs: number;
}

export interface SenderModules {
  readonly destination: Destination;
  readonly backlog: Backlog;
  readonly clock: SleepingClock;
  readonly random: () => number;
  readonly log: Log;
}

/** Why an upload did not arrive, as told by the last that did not. */
export interface LastFailure {
  readonly reason: string;
  readonly detail: string;
  /** Wall clock, milliseconds. */
  readonly atMs: number;
}

/**
 * From nothing on, so that an outage of a moment costs nothing; at most a window's length, so that an intake that is back is found
 * within the minute. One that asks for a day would cost what the spool cannot hold.
 */
const BACKOFF: BackoffOptions = { leastMs: 0, firstMs: 1000, mostMs: 60_000, mostAskedMs: 10 * 60_000 };
/** After so many failed tries of the oldest upload, and after as many again, the one behind it is tried too. */
const TRIES_A_PROBE = 5;
/** The same for tries that took long: an intake that came back meanwhile would get the two in the wrong order. */
const SLOW_TRIES_A_PROBE = 50;
const SLOW_MS = 1000;
/** So many later ones were accepted while the oldest failed: then it is the upload, not the intake. */
const MAX_PASSED_BY = 3;
/** What receivers say goes into logs and onto pages. */
const MAX_DETAIL = 300;

/**
 * Sends the backlog of one destination, one upload at a time and the oldest first, so that windows arrive in their order. What fails in
 * a way that may pass is tried again for as long as the backlog keeps it. One upload that fails while later ones are accepted
 * is given up: it would hold up all others for ever.
 */
export class Sender {
  readonly accepted = noAmount();
  readonly refused = new Tally();
  /** Tries that failed and are made again, by reason. */
  readonly retries = new Tally();
  lastFailure: LastFailure | undefined;
  lastRefusal: LastFailure | undefined;
  readonly #backoff: Backoff;
  /** The oldest upload, while it fails. */
  #suspect:
    { readonly sequence: number; readonly run: number; tries: number; slowTries: number; passedBy: number } | undefined;
  #probesNext = false;
  #awaySinceMs: number | undefined;
  #isSending = false;
  readonly #stopping = new AbortController();
  readonly #finishing = new AbortController();
  /** Ends the wait for something to send. */
  #wakeUp: () => void = () => undefined;

  constructor(
    private readonly options: SenderOptions,
    private readonly modules: SenderModules,
  ) {
    this.#backoff = new Backoff(BACKOFF, modules.random);
  }

  /** Monotonic clock: since when no upload was taken; undefined when the last try was answered for good. */
  get awaySinceMs(): number | undefined {
    return this.#awaySinceMs;
  }

  /** A try is being made. */
  get isSending(): boolean {
    return this.#isSending;
  }

  /** Something was added to the backlog. No reason to try an intake that is away sooner. */
  wake(): void {
    this.#wakeUp();
  }

  /** Goes on until nothing waits or a try fails, and no longer. */
  finish(): void {
    this.#finishing.abort();
    this.#wakeUp();
  }

  /** Ends at once; what is being sent stays in the backlog, though it may have arrived. */
  stop(): void {
    this.finish();
    this.#stopping.abort();
  }

  /** Resolves after {@link finish} or {@link stop}. Never rejects. */
  async run(): Promise<void> {
    const { backlog, clock } = this.modules;
    await backlog.takeUp();
    while (!this.#stopping.signal.aborted) {
      await backlog.expire();
      if (backlog.isDue) await backlog.spill();
      const next = this.#next();
      if (next !== undefined) {
        const waitMs = await this.#sendOne(next);
        if (waitMs === undefined) continue;
        await clock.sleep(waitMs, this.#finishing.signal);
        if (this.#finishing.signal.aborted) return;
      } else if (this.#finishing.signal.aborted) {
        return;
      } else {
        await this.#waitForMore();
      }
    }
  }

  #next(): WaitingUpload | undefined {
    const { backlog } = this.modules;
    const oldest = backlog.at(0);
    const suspect = this.#suspect;
    if (oldest === undefined || suspect?.sequence !== oldest.sequence || suspect.run !== oldest.run) {
      this.#suspect = undefined;
      return oldest;
    }
    return (this.#probesNext ? backlog.at(1) : undefined) ?? oldest;
  }

  /** Gives how long to wait before the next try; undefined: not at all. */
  async #sendOne(next: WaitingUpload): Promise<number | undefined> {
    const { backlog, clock } = this.modules;
    backlog.hold(next);
    try {
      const upload = await backlog.load(next);
      if (upload === undefined) return undefined;
      this.#isSending = true;
      const startMs = clock.monotonicMs();
      const result = await this.#try(upload);
      this.#isSending = false;
      return result && (await this.#judge(next, upload, result, clock.monotonicMs() - startMs));
    } finally {
      backlog.hold(undefined);
    }
  }

  async #judge(next: WaitingUpload, upload: Upload, result: SendResult, tookMs: number): Promise<number | undefined> {
    const { backlog, log, destination } = this.modules;
    const { profiles, body } = upload;
    if (result.kind === "retry") {
      this.retries.add(result.reason, profiles, body.byteLength);
      this.#failed(next, result.reason, result.detail, tookMs);
      // Nobody knows for how long: the disk is where it waits, and all that came after it.
      await backlog.spill();
      // At once after the oldest has failed: were it later, the intake could be back, and get them in the wrong order.
      if (this.#probesNext && result.afterMs === undefined && backlog.at(1) !== undefined) return undefined;
      this.#probesNext = false;
      return this.#backoff.next(result.afterMs);
    }
    this.#answered();
    if (result.kind === "accepted") {
      this.accepted.uploads++;
      this.accepted.profiles += profiles;
      this.accepted.bytes += body.byteLength;
    } else {
      const { reason } = result;
      const detail = oneLine(result.detail);
      this.refused.addUpload(reason, upload);
      this.lastRefusal = { reason, detail, atMs: this.modules.clock.wallMs() };
      log.repeated("error", "upload_refused", reason, { destination: destination.name, reason, detail, profiles });
    }
    await backlog.settle(next);
    if (result.kind === "accepted") await this.#passedBy(next);
    return undefined;
  }

  #failed({ sequence, run }: WaitingUpload, reason: string, rawDetail: string, tookMs: number): void {
    const { backlog, clock, log, destination } = this.modules;
    const detail = oneLine(rawDetail);
    this.lastFailure = { reason, detail, atMs: clock.wallMs() };
    if (this.#awaySinceMs === undefined) {
      this.#awaySinceMs = clock.monotonicMs();
      log.repeated("warn", "intake_away", reason, { destination: destination.name, reason, detail });
    }
    const oldest = backlog.at(0);
    if (oldest?.sequence === sequence && oldest.run === run) {
      const suspect = (this.#suspect ??= { sequence, run, tries: 0, slowTries: 0, passedBy: 0 });
      const isDue =
        tookMs < SLOW_MS ? ++suspect.tries % TRIES_A_PROBE === 0 : ++suspect.slowTries % SLOW_TRIES_A_PROBE === 0;
      this.#probesNext = isDue || suspect.passedBy > 0;
    } else {
      this.#probesNext = false;
    }
  }

  #answered(): void {
    const { clock, log, destination } = this.modules;
    this.#backoff.reset();
    if (this.#awaySinceMs === undefined) return;
    const awayMs = Math.round(clock.monotonicMs() - this.#awaySinceMs);
    this.#awaySinceMs = undefined;
    log.repeated("info", "intake_back", destination.name, { destination: destination.name, awayMs });
  }

  /** One upload was accepted; the suspect, if there is one, was not it. */
  async #passedBy({ sequence, run }: WaitingUpload): Promise<void> {
    const suspect = this.#suspect;
    if (suspect === undefined) return;
    if (suspect.sequence === sequence && suspect.run === run) {
      this.#suspect = undefined;
      return;
    }
    this.#probesNext = false;
    suspect.passedBy++;
    const { backlog, log, destination } = this.modules;
    const oldest = backlog.at(0);
    if (suspect.passedBy < MAX_PASSED_BY || oldest === undefined) return;
    this.#suspect = undefined;
    await backlog.drop(oldest, "never-accepted");
    const { reason, detail } = this.lastFailure ?? { reason: "", detail: "" };
    log.repeated("error", "upload_given_up", reason, { destination: destination.name, reason, detail });
  }

  /** Undefined when the agent stops meanwhile. */
  async #try(upload: Upload): Promise<SendResult | undefined> {
    const { destination, clock, backlog } = this.modules;
    const { tryMs, memoryMs } = this.options;
    const ended = new AbortController();
    const aborting = new AbortController();
    const onStop = (): void => {
      aborting.abort(new Error("the agent stops"));
    };
    this.#stopping.signal.addEventListener("abort", onStop);
    if (this.#stopping.signal.aborted) onStop();
    const deadline = clock.sleep(tryMs, ended.signal).then(() => {
      if (!ended.signal.aborted) aborting.abort(new Error("no answer"));
    });
    // It hangs: what waits behind it may be in memory alone for only so long, and it itself too.
    const due = clock.sleep(memoryMs, ended.signal).then(() => (ended.signal.aborted ? undefined : backlog.spill()));
    try {
      // Whoever does not heed the signal is not waited for.
      return await Promise.race([destination.send(upload, aborting.signal), rejectionOf(aborting.signal)]);
    } catch (error) {
      if (this.#stopping.signal.aborted) return undefined;
      return aborting.signal.aborted
        ? { kind: "retry", reason: "timeout", detail: `no answer within ${tryMs} ms` }
        : { kind: "retry", reason: "send-failed", detail: String(error) };
    } finally {
      ended.abort();
      this.#stopping.signal.removeEventListener("abort", onStop);
      await Promise.all([deadline, due]);
    }
  }

  async #waitForMore(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wakeUp = resolve;
    });
  }
}

function rejectionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => {
      reject(signal.reason as Error);
    });
    if (signal.aborted) reject(signal.reason as Error);
  });
}

/** What a receiver says, such that a log line and a page can hold it. */
function oneLine(text: string): string {
  return fitColumns(printable(text.slice(0, MAX_DETAIL * 2)), MAX_DETAIL);
}
