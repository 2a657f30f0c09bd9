const MAX_NAME_BYTES = 255;
const MAX_PATH_BYTES = 4095;
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The last part of what a file says is a name; undefined when that is no file's name. */
export function safeBaseName(bytes: Uint8Array): string | undefined {
  let text: string;
  try {
    text = strictUtf8.decode(bytes);
  } catch {
    return undefined; // what is no text is no name that we could ask for
  }
  const name = text.slice(text.lastIndexOf("/") + 1);
  const isName = name !== "" && name !== "." && name !== ".." && !name.includes("\0");
  return isName && Buffer.byteLength(name) <= MAX_NAME_BYTES ? name : undefined;
}

/**
 * A path that a file tells, relative to a folder unless it begins with `/`, as an absolute one; undefined when it makes no
 * sense. It is for a root to keep it inside: `..` stays, for what it leads to depends on links.
 */
export function pathFrom(folder: string, told: string): string | undefined {
  if (told === "" || told.includes("\0") || told.includes("\uFFFD")) return undefined;
  const path = told.startsWith("/") ? told : `${folder}/${told}`;
  return path.startsWith("/") && Buffer.byteLength(path) <= MAX_PATH_BYTES ? path : undefined;
}

/** The folder of an absolute path, "" of one in the root. */
export function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}
