import { closeSync } from "node:fs";
import { type ByteSource, FileSource } from "../elf/byte-source.js";
import type { OpenedFile } from "./open-in-root.js";

/** A file that is closed with its source: who still reads gets nothing, and not what another file has under that number. */
export class ClosableSource implements ByteSource {
  readonly size: number;
  readonly #fd: number;
  readonly #source: FileSource;
  #isClosed = false;

  constructor({ fd, size }: OpenedFile) {
    this.size = size;
    this.#fd = fd;
    this.#source = new FileSource(fd, size);
  }

  get failure(): string | undefined {
    return this.#isClosed ? "EBADF" : this.#source.failure;
  }

  read(offset: number, length: number): Buffer | undefined {
    return this.#isClosed ? undefined : this.#source.read(offset, length);
  }

  readInto(offset: number, target: Uint8Array): number {
    return this.#isClosed ? 0 : this.#source.readInto(offset, target);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeSync(this.#fd);
  }
}
