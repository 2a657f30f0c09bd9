/**
 * Characters that a name taken from somebody's binary may use to leave its place in a line: C0 and C1 controls (a
 * terminal's escape sequences begin there), line and paragraph separators, and the marks that turn the writing
 * direction (they make one name read as another).
 */
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g;

const WIDE =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\uff01-\uff60]/u;
const ZERO_WIDTH = /[\p{Mark}\u200b-\u200d\u2060]/u;

const ASCII = /^[\u0000-\u007f]*$/;

/** The text with each character that could escape its line replaced by a space. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, " ");
}

/** Columns the text takes on a terminal: East Asian characters and emoji take two, combining marks none. */
export function columnsOf(text: string): number {
  if (ASCII.test(text)) return text.length;
  let columns = 0;
  for (const character of text) columns += columnsOfCharacter(character);
  return columns;
}

/** The text cut to so many columns, with an ellipsis in the last of them when something was cut. */
export function fitColumns(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  if (columns < 1) return "";
  let kept = "";
  let used = 0;
  for (const character of text) {
    const next = columnsOfCharacter(character);
    if (used + next > columns - 1) break;
    kept += character;
    used += next;
  }
  return `${kept}…`;
}

function columnsOfCharacter(character: string): number {
  if (ZERO_WIDTH.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}
