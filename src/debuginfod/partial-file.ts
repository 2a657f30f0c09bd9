import type { FileHandle } from "node:fs/promises";
import { notKept } from "./failure.js";
import type { DebugFileSink } from "./sink.js";

/** Room is made in steps for a file whose size nobody told; of a small budget in smaller ones, for each may cost another file. */
const STEP_BYTES = 8 << 20;
const STEP_SHARE = 1 / 64;

/** What a partial file asks of its folder; all of it rejects with NotKept, but `discard`, which never does. */
export interface PartialFiles {
  readonly directory: string;
  readonly maxBytes: number;
  /** Room for a file of so many bytes. */
  reserve(name: string, bytes: number): Promise<void>;
  create(name: string): Promise<FileHandle>;
  /** It is whole, of so many bytes: it gets its name. */
  keep(name: string, buildId: string, bytes: number): Promise<void>;
  discard(name: string, wasMade: boolean): Promise<void>;
}

/** A debug file while it comes. Methods reject with NotKept where the folder fails. */
export class PartialFile implements DebugFileSink {
  readonly #folder: PartialFiles;
  readonly #buildId: string;
  readonly #name: string;
  #file: FileHandle | undefined;
  #reserved = 0;
  bytes = 0;

  constructor(folder: PartialFiles, buildId: string, name: string) {
    this.#folder = folder;
    this.#buildId = buildId;
    this.#name = name;
  }

  /** To read from while it is neither kept nor discarded; -1 while nothing was written. */
  get fd(): number {
    return this.#file?.fd ?? -1;
  }

  /** Makes room for a file whose size is known. */
  async expect(bytes: number): Promise<void> {
    if (bytes <= this.#reserved) return;
    await this.#folder.reserve(this.#name, bytes);
    this.#reserved = bytes;
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.bytes + chunk.byteLength > this.#reserved) {
      const { maxBytes } = this.#folder;
      const step = Math.min(STEP_BYTES, Math.floor(maxBytes * STEP_SHARE));
      const wanted = Math.min(this.bytes + chunk.byteLength + step, maxBytes);
      await this.expect(Math.max(wanted, this.bytes + chunk.byteLength));
    }
    const file = (this.#file ??= await this.#folder.create(this.#name));
    await this.#attempt(file.writeFile(chunk));
    this.bytes += chunk.byteLength;
  }

  /** Brings it to the disk under its name; whoever looks for it finds it from now on. */
  async keep(): Promise<void> {
    await this.#attempt(this.#file?.datasync());
    await this.#close();
    await this.#folder.keep(this.#name, this.#buildId, this.bytes);
  }

  /** Never rejects. */
  async discard(): Promise<void> {
    const wasMade = this.#file !== undefined;
    await this.#close().catch(() => undefined); // what could not be written is of no use to anybody
    await this.#folder.discard(this.#name, wasMade);
  }

  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await this.#attempt(file?.close());
  }

  async #attempt(task: Promise<void> | undefined): Promise<void> {
    try {
      await task;
    } catch (error) {
      throw notKept(this.#folder.directory, error);
    }
  }
}
