import { readFile } from "node:fs/promises";
import { inspect } from "node:util";
import { errnoOf } from "../../util/errno.js";

/** A key or a token of any intake is shorter; what is longer is some other file. */
const MAX_SECRET_BYTES = 16 * 1024;

/** The secret could not be read: its file is missing, unreadable, empty or no secret. Without the secret. */
export class SecretMissing extends Error {
  override readonly name = "SecretMissing";
}

/**
 * A key or a token. Nothing that prints, logs or serializes it shows it. One that comes from a file is read at each use, for a
 * mounted secret is renewed under our feet.
 */
export class Secret {
  readonly #text: string | undefined;
  readonly #file: string | undefined;

  private constructor(text: string | undefined, file: string | undefined) {
    this.#text = text;
    this.#file = file;
  }

  static of(text: string): Secret {
    return new Secret(text, undefined);
  }

  static inFile(path: string): Secret {
    return new Secret(undefined, path);
  }

  /** @throws {SecretMissing} with one sentence. */
  async read(): Promise<string> {
    if (this.#text !== undefined) return this.#text;
    const file = this.#file ?? "";
    let text: string;
    try {
      text = (await readFile(file, "utf8")).trim();
    } catch (error) {
      throw new SecretMissing(
        `the secret's file ${file} cannot be read (${errnoOf(error)}); mount it, or correct its path.`,
      );
    }
    // It becomes a header: a second line in it would be another header.
    if (!isHeaderText(text)) {
      throw new SecretMissing(`the secret's file ${file} holds no single line of text; correct it.`);
    }
    return text;
  }

  toString(): string {
    return "***";
  }

  toJSON(): string {
    return "***";
  }

  [inspect.custom](): string {
    return "***";
  }
}

/** Whether a text may stand in a header as it is: one line of printable ASCII, not empty, of a sane length. */
export function isHeaderText(text: string): boolean {
  return text.length <= MAX_SECRET_BYTES && /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text);
}
