import type { BigIntStats } from "node:fs";
import { stat } from "node:fs/promises";
import { errnoOf } from "../../util/errno.js";

/** How often files are looked at. The kubelet itself takes up to a minute to bring a changed ConfigMap. */
const LOOK_MS = 2000;
/** A file that was written a moment ago may be half of what it will be: it is looked at until it stays the same. */
const SETTLE_MS = 250;

/**
 * Files that the configuration is read from, and whether they have changed since. They are looked at by name now and then: a
 * notification of the kernel's would miss a mounted ConfigMap, which changes by a swap of the link that its folder is, and file
 * systems on the network. One stat a file every two seconds.
 */
export class WatchedFiles {
  /** As each was just before it was last read. */
  readonly #stamps = new Map<string, string>();
  #timer: NodeJS.Timeout | undefined;
  #onChange: (() => void) | undefined;
  /** What was seen of a change that has yet to settle. */
  #unsettled: string | undefined;

  /** Reads a text as `read` does; a change from now on, be it during this very call, is heard of. */
  async read(path: string, read: (path: string) => Promise<string>): Promise<string> {
    this.#stamps.set(path, await stampOf(path));
    return read(path);
  }

  /** Calls when one of the files is another than when it was read. One listener; until {@link close}. */
  watch(onChange: () => void): void {
    this.#onChange = onChange;
    this.#lookAfter(LOOK_MS);
  }

  close(): void {
    this.#onChange = undefined;
    clearTimeout(this.#timer);
  }

  #lookAfter(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      void this.#look(); // never rejects
    }, ms).unref();
  }

  async #look(): Promise<void> {
    const before = [...this.#stamps];
    const seen = await Promise.all(before.map(async ([path]) => [path, await stampOf(path)] as const));
    if (this.#onChange === undefined) return;
    const changed = seen.filter(([path, stamp]) => this.#stamps.get(path) !== stamp);
    const state = JSON.stringify(changed);
    if (changed.length === 0) {
      this.#unsettled = undefined;
    } else if (state === this.#unsettled) {
      this.#unsettled = undefined;
      // Said once, be it read again or not.
      for (const [path, stamp] of changed) this.#stamps.set(path, stamp);
      this.#onChange();
    } else {
      this.#unsettled = state;
    }
    this.#lookAfter(this.#unsettled === undefined ? LOOK_MS : SETTLE_MS);
  }
}

async function stampOf(path: string): Promise<string> {
  return stat(path, { bigint: true }).then(stampFrom, errnoOf);
}

/** Another file under the same name, or another content of the same. */
function stampFrom({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(" ");
}
