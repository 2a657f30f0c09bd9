import { open } from "node:fs/promises";

const MAX_BYTES = 4096;
/** 16 characters of a random token are beyond trying; fewer are a password that somebody made up. */
const MIN_CHARACTERS = 16;

/**
 * The token in a file: one word, with nothing but white space around it.
 *
 * @throws {Error} one sentence that names the file and what is wrong with it, and nothing of what stands in it.
 */
export async function readToken(path: string): Promise<string> {
  const text = await readStart(path);
  const token = text.trim();
  if (Buffer.byteLength(text) > MAX_BYTES || !/^[\x21-\x7e]*$/.test(token) || token.length < MIN_CHARACTERS) {
    throw new Error(
      `the token file ${path} does not hold a token: write one word of at least ${MIN_CHARACTERS} characters into it, such as openssl rand -hex 32 prints.`,
    );
  }
  return token;
}

async function readStart(path: string): Promise<string> {
  try {
    const file = await open(path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_BYTES + 1), 0, MAX_BYTES + 1, 0);
      return buffer.toString("latin1", 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`the token file ${path} cannot be read (${why}): mount it where the agent may read it.`, {
      cause: error,
    });
  }
}
