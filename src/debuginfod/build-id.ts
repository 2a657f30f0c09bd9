/** Of one at most: as long as src/elf reads them. */
export const MAX_BUILD_ID_DIGITS = 128;

/** Two bytes to 64, in lower case: nothing else becomes a part of a URL or of a file's name. */
export function isBuildId(text: string): boolean {
  return text.length <= MAX_BUILD_ID_DIGITS && /^(?:[0-9a-f]{2}){2,}$/.test(text);
}
