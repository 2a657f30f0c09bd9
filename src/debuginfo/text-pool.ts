/** Texts of one batch; beyond that all are forgotten at once. */
const MAX_TEXTS = 50_000;

/** Keeps one of equal texts: each unit of a program brings the names and paths of its headers along. */
export class TextPool {
  readonly #texts = new Map<string, string>();

  shared(text: string): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    if (this.#texts.size >= MAX_TEXTS) this.#texts.clear();
    this.#texts.set(text, text);
    return text;
  }
}
