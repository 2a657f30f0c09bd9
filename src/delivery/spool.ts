import { constants, type Stats } from "node:fs";
import { lstat, mkdir, open, opendir, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Upload } from "../model/upload.js";
import type { Clock } from "../util/clock.js";
import { diskProblemOf } from "../util/disk-problem.js";
import { errnoOf } from "../util/errno.js";
import { SpoolIndex, type SpoolRow } from "./spool-index.js";
import { isPartialName, parseSpoolName, partialNameOf, spoolNameOf, type SpoolName } from "./spool-name.js";
import { MAX_HEAD_BYTES, readUploadFile, uploadFileHead } from "./upload-file.js";

export interface SpoolOptions {
  /** Of this destination alone; made when it is not there. Never a symbolic link itself. */
  readonly directory: string;
  /** All files together; the oldest leave beyond it. */
  readonly maxBytes: number;
  readonly maxUploads: number;
  readonly clock: Clock;
  /** Random for this run of the agent. u32. */
  readonly run: number;
  /** An upload was given up that nobody will see again. */
  readonly dropped: (reason: string, row: SpoolRow) => void;
}

/** What names an upload, wherever it is. */
export type UploadKey = Pick<SpoolName, "sequence" | "run">;

/** Larger files are none of ours: no body is larger. */
export const MAX_BODY_BYTES = 64 << 20;
/** Uploads a spool may hold, whatever their size: 32 bytes of memory each. */
export const MAX_SPOOLED_UPLOADS = 100_000;
/** Files that were sent and could not be removed: tried again, these many. */
const MAX_UNREMOVED = 1000;

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
/** Not blocking: somebody may have put a named pipe where a file was. */
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Uploads of one destination in a folder, a file each, oldest first. A file is whole or is not there: it is written under another
 * name, brought to the disk, renamed. Bodies are in memory only while they are written or sent. What cannot be read again is
 * counted and removed.
 */
export class Spool {
  readonly #index = new SpoolIndex();
  readonly #options: SpoolOptions;
  #isTakenUp = false;
  #takingUp: Promise<void> | undefined;
  #problem: string | undefined;
  #held: UploadKey | undefined;
  #unremoved: string[] = [];
  /** The last number that a file here has. */
  lastSequence = 0;
  /** Files that earlier agents left whole, and half written. */
  recovered = 0;
  partials = 0;
  /** Uploads written since the start. */
  written = 0;

  constructor(options: SpoolOptions) {
    this.#options = options;
  }

  get length(): number {
    return this.#index.length;
  }

  /** Of all files. */
  get bytes(): number {
    return this.#index.totalBytes;
  }

  /** Why the last thing asked of the folder failed, in a word; undefined when it did not. */
  get problem(): string | undefined {
    return this.#problem;
  }

  at(place: number): SpoolRow {
    return this.#index.at(place);
  }

  find(key: UploadKey): SpoolRow | undefined {
    const place = this.#index.find(key);
    return place < 0 ? undefined : this.#index.at(place);
  }

  /** This one is being sent: it is not given up for room meanwhile. */
  hold(key: UploadKey | undefined): void {
    this.#held = key;
  }

  /** Takes up what earlier agents left, once. Gives whether the folder can be used; if not, {@link problem} says why. */
  async takeUp(): Promise<boolean> {
    if (this.#isTakenUp) return true;
    this.#takingUp ??= this.#readFolder().finally(() => {
      this.#takingUp = undefined;
    });
    return this.#attempt(this.#takingUp);
  }

  /** Gives whether the upload is on the disk; if not, {@link problem} says why. Its name is so only after {@link sync}. */
  async put(sequence: number, upload: Upload, queuedAtMs: number): Promise<boolean> {
    if (!(await this.takeUp())) return false;
    const { run } = this.#options;
    const head = uploadFileHead(upload);
    const bytes = head.byteLength + upload.body.byteLength;
    if (!(await this.#makeRoom(bytes))) return false;
    const name = spoolNameOf({ sequence, run, profiles: upload.profiles });
    if (!(await this.#attempt(this.#write(name, head, upload.body)))) return false;
    this.#index.push({ sequence, run, profiles: upload.profiles, bytes, queuedAtMs });
    this.lastSequence = Math.max(this.lastSequence, sequence);
    this.written++;
    return true;
  }

  /** Brings the names of the files that were put to the disk: once after several. */
  async sync(): Promise<void> {
    await this.#attempt(this.#syncFolder());
  }

  /** Undefined when it cannot be read: it is counted, and gone from the spool. */
  async read(row: SpoolRow): Promise<Upload | undefined> {
    const path = join(this.#options.directory, spoolNameOf(row));
    const found = await readWhole(path).catch((error: unknown) => faultOf(error));
    const upload = typeof found === "string" ? found : readUploadFile(found);
    if (typeof upload !== "string") return upload;
    // Given up in the meantime, it is counted already.
    if (this.#index.find(row) >= 0) {
      this.#options.dropped(upload, row);
      await this.remove(row);
    }
    return undefined;
  }

  /** Does nothing where it is not there. */
  async remove(key: UploadKey): Promise<void> {
    const place = this.#index.find(key);
    if (place < 0) return;
    const name = this.#index.nameAt(place);
    this.#index.removeAt(place);
    await this.#unlink(name);
  }

  /** Gives up the oldest upload that is not being sent; gives whether there was one. */
  async dropOldest(reason: string): Promise<boolean> {
    const held = this.#held === undefined ? -1 : this.#index.find(this.#held);
    const place = held === 0 ? 1 : 0;
    if (place >= this.#index.length) return false;
    const row = this.#index.at(place);
    this.#options.dropped(reason, row);
    await this.remove(row);
    return true;
  }

  async #makeRoom(bytes: number): Promise<boolean> {
    const { maxBytes, maxUploads } = this.#options;
    const index = this.#index;
    while (index.totalBytes + bytes > maxBytes || index.length >= maxUploads) {
      if (bytes <= maxBytes && (await this.dropOldest("spool-full"))) continue;
      this.#problem = "spool-full";
      return false;
    }
    return true;
  }

  async #write(name: string, head: Uint8Array, body: Uint8Array): Promise<void> {
    const { directory } = this.#options;
    const partial = join(directory, partialNameOf(name));
    try {
      const file = await open(partial, CREATE, 0o600).catch(async (error: unknown) => {
        if (errnoOf(error) !== "ENOENT") throw error;
        await makeFolder(directory);
        return open(partial, CREATE, 0o600);
      });
      try {
        await file.writeFile(head);
        await file.writeFile(body);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(partial, join(directory, name));
    } catch (error) {
      await unlink(partial).catch(() => undefined); // it may never have been made, and the failure to tell is the first one
      throw error;
    }
  }

  async #syncFolder(): Promise<void> {
    const folder = await open(this.#options.directory, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }

  async #unlink(name: string): Promise<void> {
    const names = [...this.#unremoved.splice(0), name];
    for (const each of names) {
      try {
        await unlink(join(this.#options.directory, each));
      } catch (error) {
        if (errnoOf(error) === "ENOENT") continue;
        this.#problem = diskProblemOf(error);
        if (this.#unremoved.length < MAX_UNREMOVED) this.#unremoved.push(each);
      }
    }
  }

  /** Files by name and size; none is opened. */
  async #readFolder(): Promise<void> {
    const { directory, clock } = this.#options;
    await makeFolder(directory);
    const nowMs = clock.monotonicMs();
    const wallMs = clock.wallMs();
    const rows: SpoolRow[] = [];
    for await (const { name } of await opendir(directory)) {
      const path = join(directory, name);
      if (isPartialName(name)) {
        this.partials++;
        await unlink(path).catch(ignoreGone);
        continue;
      }
      const parsed = parseSpoolName(name);
      if (parsed === undefined) continue;
      const status = await lstat(path).catch(ignoreGone);
      if (status?.isFile() !== true) continue;
      const ageMs = Math.max(0, wallMs - parsed.sequence);
      rows.push({ ...parsed, bytes: status.size, queuedAtMs: nowMs - ageMs });
    }
    rows.sort((a, b) => a.sequence - b.sequence || a.run - b.run);
    for (const row of rows) this.#index.push(row);
    this.recovered += rows.length;
    this.lastSequence = rows.at(-1)?.sequence ?? 0;
    this.#isTakenUp = true;
  }

  /** Whether it succeeded; why not, is kept. */
  async #attempt(task: Promise<void>): Promise<boolean> {
    try {
      await task;
      this.#problem = undefined;
      return true;
    } catch (error) {
      this.#problem = diskProblemOf(error);
      return false;
    }
  }
}

/** The folder, where there is none; refuses a link to another one, and anything else in its place. */
async function makeFolder(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const status = await lstat(directory);
  if (!status.isDirectory()) throw Object.assign(new Error(`${directory} is a link`), { code: "ENOTDIR" });
}

async function readWhole(path: string): Promise<Uint8Array | "corrupt"> {
  const file = await open(path, READ);
  try {
    const status: Stats = await file.stat();
    if (!status.isFile() || status.size > MAX_BODY_BYTES + MAX_HEAD_BYTES) return "corrupt";
    return await file.readFile();
  } finally {
    await file.close();
  }
}

function faultOf(error: unknown): string {
  const errno = errnoOf(error);
  return errno === "ENOENT" ? "vanished" : errno === "ELOOP" ? "corrupt" : "unreadable";
}

/** Another agent may look after the same folder. */
function ignoreGone(error: unknown): undefined {
  if (errnoOf(error) !== "ENOENT") throw error;
  return undefined;
}
