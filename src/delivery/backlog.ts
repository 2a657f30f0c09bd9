import type { Upload } from "../model/upload.js";
import type { Clock } from "../util/clock.js";
import { MemoryQueue, type QueuedUpload } from "./memory-queue.js";
import { MAX_BODY_BYTES, MAX_SPOOLED_UPLOADS, Spool, type UploadKey } from "./spool.js";
import { Tally } from "./tally.js";
import { uploadFileBytes } from "./upload-file.js";

export interface BacklogOptions {
  /** Of this destination alone. Undefined: memory is all there is. */
  readonly spoolDirectory: string | undefined;
  readonly spoolBytes: number;
  /** Bodies that are not on the disk. */
  readonly memoryBytes: number;
  /** How long an upload may be in memory alone: what a kill -9 can cost. 0: it is on the disk before anything else. */
  readonly memoryMs: number;
  /** What is older is given up. */
  readonly maxAgeMs: number;
}

/** What a file's name has room for, and then some to count on. */
const MAX_WALL_MS = 8e14;

/** An upload that waits, in memory or on the disk. */
export interface WaitingUpload extends UploadKey {
  readonly profiles: number;
  readonly bytes: number;
  readonly queuedAtMs: number;
}

/** How much waits where. */
export interface Waiting {
  readonly uploads: number;
  readonly bytes: number;
  /** Of the oldest; 0 when there is none. */
  readonly oldestAgeMs: number;
}

/**
 * Uploads of one destination that were not accepted yet, in the order of their windows. The older ones are on the disk, the newer ones
 * in memory: memory goes to the disk whole and oldest first, and what could not go stays behind what did. Bounded in both; beyond
 * that the oldest leave, counted.
 */
export class Backlog {
  readonly dropped = new Tally();
  readonly #memory = new MemoryQueue();
  readonly #spool: Spool | undefined;
  readonly #run: number;
  #lastSequence = 0;
  #held: UploadKey | undefined;
  #spilling: Promise<void> = Promise.resolve();

  constructor(
    private readonly options: BacklogOptions,
    private readonly clock: Clock,
    random: () => number,
  ) {
    const { spoolDirectory: directory, spoolBytes: maxBytes } = options;
    this.#run = Math.floor(random() * 2 ** 32);
    if (directory === undefined) return;
    this.#spool = new Spool({
      ...{ directory, maxBytes, clock },
      maxUploads: MAX_SPOOLED_UPLOADS,
      run: this.#run,
      dropped: (reason, { profiles, bytes }) => {
        this.dropped.add(reason, profiles, bytes);
      },
    });
  }

  get inMemory(): Waiting {
    return waiting(this.#memory.length, this.#memory.bytes, this.#ageMs(this.#memory.at(0)));
  }

  get inSpool(): Waiting {
    const spool = this.#spool;
    if (spool === undefined || spool.length === 0) return waiting(0, 0, 0);
    return waiting(spool.length, spool.bytes, this.#ageMs(spool.at(0)));
  }

  get spoolCounts(): { readonly written: number; readonly recovered: number; readonly partials: number } {
    const { written = 0, recovered = 0, partials = 0 } = this.#spool ?? {};
    return { written, recovered, partials };
  }

  /** Why uploads cannot be kept on the disk, in a word; undefined when they can. */
  get spoolProblem(): string | undefined {
    return this.#spool === undefined ? undefined : this.#spool.problem;
  }

  /** What an earlier agent left comes first; where that cannot be read yet, it is tried again with the next upload. */
  async takeUp(): Promise<void> {
    await this.#spool?.takeUp();
  }

  /**
   * Takes an upload over: when it resolves, the upload is in memory, on the disk where it has to be, or counted as dropped. Gives
   * the reason where it could not be taken at all. `toDisk`: the intake is away.
   */
  async add(upload: Upload, toDisk: boolean): Promise<string | undefined> {
    const reason = this.#unfit(upload);
    if (reason !== undefined) {
      this.dropped.addUpload(reason, upload);
      return reason;
    }
    await this.takeUp();
    this.#memory.push({ sequence: this.#nextSequence(), upload, queuedAtMs: this.clock.monotonicMs() });
    const behindOthers = this.#spool !== undefined && this.#spool.length > 0;
    const { memoryBytes, memoryMs } = this.options;
    if (toDisk || behindOthers || memoryMs === 0 || this.#memory.bytes > memoryBytes) await this.spill();
    return undefined;
  }

  /** The oldest, or the one at this place behind it. */
  at(place: number): WaitingUpload | undefined {
    const spooled = this.#spool?.length ?? 0;
    if (this.#spool !== undefined && place < spooled) return this.#spool.at(place);
    const queued = this.#memory.at(place - spooled);
    if (queued === undefined) return undefined;
    const { sequence, queuedAtMs, upload } = queued;
    return { sequence, run: this.#run, queuedAtMs, profiles: upload.profiles, bytes: upload.body.byteLength };
  }

  /** This one is being sent: it stays meanwhile, whatever room is needed. */
  hold(key: UploadKey | undefined): void {
    this.#held = key;
    this.#spool?.hold(key);
  }

  /** Undefined when it is gone: then it is counted. */
  async load(key: WaitingUpload): Promise<Upload | undefined> {
    const queued = this.#inMemory(key);
    if (queued !== undefined) return queued.upload;
    const row = this.#spool?.find(key);
    return row && this.#spool?.read(row);
  }

  /** It was accepted, or refused: it waits no more. Does nothing where it is not there. */
  async settle(key: UploadKey): Promise<void> {
    // A spill that is just writing it sees that it has left, and removes the file.
    if (key.run === this.#run && this.#memory.remove(key.sequence)) return;
    await this.#spool?.remove(key);
  }

  /** Gives it up, for this reason. */
  async drop(key: WaitingUpload, reason: string): Promise<void> {
    this.dropped.add(reason, key.profiles, key.bytes);
    await this.settle(key);
  }

  /** Gives up what is too old. Not while anything is held. */
  async expire(): Promise<void> {
    const { maxAgeMs } = this.options;
    while (this.#spool !== undefined && this.#spool.length > 0 && this.#ageMs(this.#spool.at(0)) > maxAgeMs) {
      await this.#spool.dropOldest("too-old");
    }
    for (let oldest = this.#memory.at(0); this.#ageMs(oldest) > maxAgeMs; oldest = this.#memory.at(0)) {
      this.#dropFromMemory(oldest!, "too-old");
    }
  }

  /** Whether something has been in memory alone for as long as it may. */
  get isDue(): boolean {
    return this.#ageMs(this.#memory.at(0)) >= this.options.memoryMs && this.#memory.length > 0;
  }

  /**
   * Brings all that is in memory to the disk, as far as the disk takes it; what is beyond memory's bytes then is dropped, the
   * oldest first. Never rejects.
   */
  spill(): Promise<void> {
    this.#spilling = this.#spilling.then(() => this.#spill());
    return this.#spilling;
  }

  /** The agent ends: what is still in memory alone is lost, and counted. */
  abandon(): void {
    for (let oldest = this.#memory.at(0); oldest !== undefined; oldest = this.#memory.at(0)) {
      this.#dropFromMemory(oldest, "stopped");
    }
  }

  async #spill(): Promise<void> {
    const written = await this.#moveToSpool();
    while (this.#memory.bytes > this.options.memoryBytes) {
      // Full of what is older than what waits here: that goes first.
      if (this.#spool?.problem === "disk-full" && (await this.#spool.dropOldest("disk-full"))) {
        await this.#moveToSpool();
        continue;
      }
      const oldest = this.#oldestNotHeld();
      if (oldest === undefined) break;
      this.#dropFromMemory(oldest, this.#spool === undefined ? "queue-full" : (this.#spool.problem ?? "queue-full"));
    }
    if (written > 0) await this.#spool?.sync();
  }

  async #moveToSpool(): Promise<number> {
    const spool = this.#spool;
    let written = 0;
    if (spool === undefined) return written;
    for (let oldest = this.#memory.at(0); oldest !== undefined; oldest = this.#memory.at(0)) {
      const { sequence, upload, queuedAtMs } = oldest;
      if (!(await spool.put(sequence, upload, queuedAtMs))) break;
      written++;
      // Accepted while it was being written.
      if (!this.#memory.remove(sequence)) await spool.remove({ sequence, run: this.#run });
    }
    return written;
  }

  #unfit(upload: Upload): string | undefined {
    const fileBytes = uploadFileBytes(upload);
    if (fileBytes === undefined) return "malformed";
    const { spoolBytes, memoryBytes } = this.options;
    const roomBytes = this.#spool === undefined ? memoryBytes : spoolBytes;
    return upload.body.byteLength > MAX_BODY_BYTES || fileBytes > roomBytes ? "too-large" : undefined;
  }

  #nextSequence(): number {
    const wallMs = Math.min(Math.max(0, Math.floor(this.clock.wallMs())), MAX_WALL_MS);
    this.#lastSequence = Math.max(wallMs, this.#lastSequence + 1, (this.#spool?.lastSequence ?? 0) + 1);
    return this.#lastSequence;
  }

  #inMemory({ sequence, run }: UploadKey): QueuedUpload | undefined {
    return run === this.#run ? this.#memory.find(sequence) : undefined;
  }

  #oldestNotHeld(): QueuedUpload | undefined {
    const first = this.#memory.at(0);
    const isHeld = first !== undefined && this.#held?.run === this.#run && this.#held.sequence === first.sequence;
    return isHeld ? this.#memory.at(1) : first;
  }

  #dropFromMemory({ sequence, upload }: QueuedUpload, reason: string): void {
    this.#memory.remove(sequence);
    this.dropped.addUpload(reason, upload);
  }

  #ageMs(oldest: { readonly queuedAtMs: number } | undefined): number {
    return oldest === undefined ? 0 : this.clock.monotonicMs() - oldest.queuedAtMs;
  }
}

function waiting(uploads: number, bytes: number, oldestAgeMs: number): Waiting {
  return { uploads, bytes, oldestAgeMs };
}
