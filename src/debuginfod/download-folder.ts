import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, lstat, mkdir, open, opendir, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../util/clock.js";
import { errnoOf } from "../util/errno.js";
import { NotKept, notKept } from "./failure.js";
import { type CacheName, debugName, missingName, parseCacheName, partialName } from "./file-name.js";
import { PartialFile, type PartialFiles } from "./partial-file.js";

export interface DownloadFolderOptions {
  /** Made when it is not there, for us alone. Others of us may use it at the same time. */
  readonly directory: string;
  /** All files of ours together; those used least lately go beyond it. */
  readonly maxBytes: number;
  /** Stands for the servers that are asked: what others do not have, these may. Some lower-case hex digits. */
  readonly serversKey: string;
  readonly clock: Clock;
}

const CREATE = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
/** Nothing is written for so long while a download goes on: whoever wrote is gone. */
const ORPHAN_MS = 300_000;
/** Files that say that there is no file; they are empty. */
const MAX_MISSING = 4096;

interface FoundFile extends CacheName {
  readonly name: string;
  readonly bytes: number;
  readonly mtimeMs: number;
}

/**
 * Debug files by build ID in a folder. A file is whole or is not there: it is written under another name and renamed. What a writer
 * that was killed left is removed once nobody can be writing it any more, and counts towards the budget until then. Every
 * method rejects with {@link NotKept} where the folder fails.
 */
export class DownloadFolder implements PartialFiles {
  readonly #options: DownloadFolderOptions;
  /** Bytes that downloads of ours may write; their files may be shorter yet. */
  readonly #reserved = new Map<string, number>();
  /** Room is made by one at a time. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Of all files, when they were last looked at. */
  bytes = 0;
  /** Files removed to make room, since the start. */
  evictions = 0;

  constructor(options: DownloadFolderOptions) {
    this.#options = options;
  }

  get directory(): string {
    return this.#options.directory;
  }

  get maxBytes(): number {
    return this.#options.maxBytes;
  }

  /** Makes the folder, and removes what is left over. */
  async open(): Promise<void> {
    await this.#inTurn(() => this.#makeRoom("", 0));
  }

  async has(buildId: string): Promise<boolean> {
    return (await this.#status(debugName(buildId)))?.isFile() === true;
  }

  /** When it was last noted that no server has the file: how long ago, milliseconds. Undefined where it was not. */
  async missingSinceMs(buildId: string): Promise<number | undefined> {
    const status = await this.#status(this.#missingName(buildId));
    return status === undefined ? undefined : Math.max(0, this.#options.clock.wallMs() - status.mtimeMs);
  }

  async noteMissing(buildId: string): Promise<void> {
    await this.#attempt(async () => {
      const name = this.#missingName(buildId);
      await mkdir(this.directory, { recursive: true, mode: 0o700 }); // somebody may have tidied up
      await this.#unlink(name); // one that is there already would keep its time
      await (await open(this.#path(name), CREATE, 0o600)).close();
    });
  }

  /** A file to write to, which is to be kept or discarded; made when there is something to write. */
  begin(buildId: string): PartialFile {
    return new PartialFile(this, buildId, partialName(buildId, randomBytes(8).toString("hex")));
  }

  async create(name: string): Promise<FileHandle> {
    return this.#attempt(async () => {
      await mkdir(this.directory, { recursive: true, mode: 0o700 });
      return open(this.#path(name), CREATE, 0o600);
    });
  }

  async reserve(name: string, bytes: number): Promise<void> {
    await this.#inTurn(() => this.#makeRoom(name, bytes));
  }

  async keep(name: string, buildId: string, bytes: number): Promise<void> {
    await this.#attempt(async () => {
      await rename(this.#path(name), this.#path(debugName(buildId)));
      await this.#unlink(this.#missingName(buildId));
    });
    this.#release(name, bytes);
  }

  /** What cannot be removed now is left over, and removed later. */
  async discard(name: string, wasMade: boolean): Promise<void> {
    if (wasMade) await this.#unlink(name).catch(() => undefined);
    this.#release(name, 0);
  }

  /** Of what was reserved only so much was used. */
  #release(name: string, bytes: number): void {
    this.bytes += bytes - (this.#reserved.get(name) ?? bytes);
    this.#reserved.delete(name);
  }

  /** Removes what is used least until there is room. */
  async #makeRoom(name: string, bytes: number): Promise<void> {
    const { maxBytes } = this.#options;
    const files = await this.#look();
    await this.#removeLeftovers(files);
    const debug = files.filter(({ kind }) => kind === "debug").sort((a, b) => a.mtimeMs - b.mtimeMs);
    const others = files.filter((file) => file.kind === "partial" && file.name !== name);
    let total = [...debug, ...others].reduce(
      (sum, file) => sum + Math.max(file.bytes, this.#reserved.get(file.name) ?? 0),
      0,
    );
    for (const file of debug) {
      if (total + bytes <= maxBytes) break;
      await this.#unlink(file.name);
      total -= file.bytes;
      this.evictions++;
    }
    this.bytes = total + bytes;
    if (name !== "" && total + bytes > maxBytes) {
      throw new NotKept("no-room", `A debug file needs ${bytes} bytes, and there is room for ${maxBytes}; allow more.`);
    }
    if (name !== "") this.#reserved.set(name, bytes);
  }

  async #removeLeftovers(files: readonly FoundFile[]): Promise<void> {
    const nowMs = this.#options.clock.wallMs();
    const orphans = files.filter(
      ({ kind, name, mtimeMs }) => kind === "partial" && !this.#reserved.has(name) && nowMs - mtimeMs > ORPHAN_MS,
    );
    const missing = files.filter(({ kind }) => kind === "none").sort((a, b) => a.mtimeMs - b.mtimeMs);
    const old = missing.slice(0, Math.max(0, missing.length - MAX_MISSING));
    for (const { name } of [...orphans, ...old]) await this.#unlink(name);
  }

  /** Our files; the folder is made where it is not there. */
  async #look(): Promise<FoundFile[]> {
    const { directory } = this.#options;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const status = await lstat(directory);
    if (!status.isDirectory()) throw Object.assign(new Error(`${directory} is a link`), { code: "ENOTDIR" });
    if (status.uid !== process.geteuid?.()) {
      throw Object.assign(new Error(`${directory} is another's`), { code: "EACCES" });
    }
    const found: FoundFile[] = [];
    for await (const { name } of await opendir(directory)) {
      const parsed = parseCacheName(name);
      if (parsed === undefined) continue;
      const file = await this.#status(name);
      if (file?.isFile() === true) found.push({ ...parsed, name, bytes: file.size, mtimeMs: file.mtimeMs });
    }
    return found;
  }

  async #status(name: string) {
    return lstat(this.#path(name)).catch((error: unknown) => {
      if (errnoOf(error) === "ENOENT") return undefined;
      throw notKept(this.directory, error);
    });
  }

  /** Another of us may have been quicker. */
  async #unlink(name: string): Promise<void> {
    await unlink(this.#path(name)).catch((error: unknown) => {
      if (errnoOf(error) !== "ENOENT") throw error;
    });
  }

  #missingName(buildId: string): string {
    return missingName(buildId, this.#options.serversKey);
  }

  #path(name: string): string {
    return join(this.#options.directory, name);
  }

  async #inTurn(task: () => Promise<void>): Promise<void> {
    const mine = this.#turn.then(() => this.#attempt(task));
    this.#turn = mine.catch(() => undefined); // its own caller is told
    await mine;
  }

  async #attempt<T>(task: () => Promise<T>): Promise<T> {
    try {
      return await task();
    } catch (error) {
      throw notKept(this.directory, error);
    }
  }
}
