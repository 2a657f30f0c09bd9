import type { Upload } from "../model/upload.js";

/** How much of something there was. */
export interface Amount {
  uploads: number;
  profiles: number;
  /** As sent, without what the transport adds. */
  bytes: number;
}

/** Reasons come from receivers too: no more than so many make a row of their own. */
const MAX_REASONS = 32;
const OTHER = "other";

/** Amounts by reason. */
export class Tally {
  readonly #byReason = new Map<string, Amount>();

  get byReason(): ReadonlyMap<string, Readonly<Amount>> {
    return this.#byReason;
  }

  add(reason: string, profiles: number, bytes: number, uploads = 1): void {
    const known = this.#byReason.has(reason) || this.#byReason.size < MAX_REASONS ? reason : OTHER;
    const amount = this.#byReason.get(known) ?? noAmount();
    amount.uploads += uploads;
    amount.profiles += profiles;
    amount.bytes += bytes;
    this.#byReason.set(known, amount);
  }

  addUpload(reason: string, { profiles, body }: Upload): void {
    this.add(reason, profiles, body.byteLength);
  }
}

export function noAmount(): Amount {
  return { uploads: 0, profiles: 0, bytes: 0 };
}
