import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** One row of a function as `readelf --debug-dump=frames-interp` prints it. */
export interface ReadelfRow {
  readonly location: number;
  /** "rsp+8", "exp", … */
  readonly cfa: string;
  /** Cells by column name: "rbp" → "c-16". Registers that the function never mentions have none. */
  readonly cells: ReadonlyMap<string, string>;
}

export interface ReadelfFunction {
  readonly section: string;
  readonly start: number;
  readonly end: number;
  readonly isSignalFrame: boolean;
  readonly rows: ReadelfRow[];
}

interface Cie {
  readonly isSignalFrame: boolean;
  readonly rows: ReadelfRow[];
}

const CIE_LINE = /^([0-9a-f]+) [0-9a-f]+ [0-9a-f]+ CIE "([^"]*)"/;
const FDE_LINE = /^[0-9a-f]+ [0-9a-f]+ [0-9a-f]+ FDE cie=([0-9a-f]+) pc=([0-9a-f]+)\.\.([0-9a-f]+)/;
const ROW_LINE = /^[0-9a-f]{16} \S/;

/** Runs readelf and yields the functions in the order of the file; the dump of a large library takes 100 MB. */
export async function* readelfFunctions(path: string): AsyncGenerator<ReadelfFunction> {
  const child = spawn("readelf", ["--wide", "--debug-dump=frames-interp", path], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const cies = new Map<number, Cie>();
  let section = "";
  let columns: string[] = [];
  let rows: ReadelfRow[] = [];
  let current: { fde: ReadelfFunction; cie: Cie | undefined } | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    const fde = FDE_LINE.exec(line);
    const cie = fde ? null : CIE_LINE.exec(line);
    const contents = /^Contents of the (\S+) section/.exec(line);
    if (line.startsWith("   LOC")) {
      columns = line.trim().split(/\s+/);
    } else if (!fde && !cie && !contents) {
      if (ROW_LINE.test(line)) rows.push(parseRow(line, columns));
    } else {
      if (current) yield finish(current);
      current = undefined;
      rows = [];
      if (contents) {
        section = contents[1];
        cies.clear();
      } else if (cie) {
        cies.set(parseInt(cie[1], 16), { isSignalFrame: cie[2].includes("S"), rows });
      } else if (fde) {
        const parent = cies.get(parseInt(fde[1], 16));
        const isSignalFrame = parent?.isSignalFrame ?? false;
        current = {
          fde: { section, start: parseInt(fde[2], 16), end: parseInt(fde[3], 16), isSignalFrame, rows },
          cie: parent,
        };
      }
    }
  }
  if (current) yield finish(current);
}

/** A function without instructions of its own has the row of its CIE, which readelf does not print again. */
function finish({ fde, cie }: { fde: ReadelfFunction; cie: Cie | undefined }): ReadelfFunction {
  const inherited = cie?.rows[0];
  if (fde.rows.length === 0 && inherited) fde.rows.push({ ...inherited, location: fde.start });
  return fde;
}

function parseRow(line: string, columns: readonly string[]): ReadelfRow {
  // "r10 (r10)": the register that holds another's value.
  const parts = line.trim().replaceAll(" (", "(").split(/\s+/);
  const cells = new Map<string, string>();
  for (let i = 2; i < columns.length; i++) cells.set(columns[i], parts[i] ?? "u");
  return { location: parseInt(parts[0], 16), cfa: parts[1], cells };
}
