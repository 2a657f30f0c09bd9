import type { MessageWriter } from "../protobuf/writer.js";

/** pprof's string table: each text once, in the order in which they were met; the first is "". */
export class PprofStrings {
  readonly #indices = new Map<string, number>([["", 0]]);

  index(text: string): number {
    const known = this.#indices.get(text);
    if (known !== undefined) return known;
    const index = this.#indices.size;
    this.#indices.set(text, index);
    return index;
  }

  /** Profile{6 string_table}. */
  writeTo(message: MessageWriter): void {
    for (const text of this.#indices.keys()) message.anyText(6, text);
  }
}
