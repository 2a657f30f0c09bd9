import { columnsOf, fitColumns, printable } from "../util/printable.js";
import { shortName } from "../util/short-name.js";
import type { HotFunction, HottestFunctions } from "./hottest.js";

export interface TableOptions {
  /** Columns of the terminal; no line is longer. */
  readonly width: number;
  /** Whether the terminal shows colours. */
  readonly colour: boolean;
}

/** A narrower terminal gets this much and wraps. */
const MIN_WIDTH = 48;
/** Beyond this the file's name stands too far from the function's to be read as one line. */
const MAX_WIDTH = 160;
const MAX_WHERE = 28;
const GAP = "  ";

/** The hottest functions as a table, one line a function, each line ended by a newline. */
export function hottestTable(hottest: HottestFunctions, options: TableOptions): string {
  if (hottest.samples === 0) return "No samples.\n";
  const rows = hottest.functions.map((hot) => cells(hot, hottest.ticks));
  const head = { self: "self", total: "total", samples: "samples", name: "function", where: "where" };
  const widest = (column: keyof Row) => Math.max(...[head, ...rows].map((row) => columnsOf(row[column])));

  const numbers = [widest("self"), widest("total"), widest("samples")] as const;
  const room = Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, options.width));
  const where = Math.min(MAX_WHERE, widest("where"));
  const taken = numbers.reduce((sum, width) => sum + width + GAP.length, 0) + GAP.length + where;
  const name = Math.max(8, Math.min(widest("name"), room - taken));

  const style = options.colour ? ANSI : PLAIN;
  const line = (row: Row, paint: (row: Row) => Row) => {
    const aligned = paint({
      self: row.self.padStart(numbers[0]),
      total: row.total.padStart(numbers[1]),
      samples: row.samples.padStart(numbers[2]),
      name: padColumns(fitColumns(shortName(row.name, name), name), name),
      where: fitColumns(row.where, where),
    });
    return [aligned.self, aligned.total, aligned.samples, aligned.name, aligned.where].join(GAP).trimEnd();
  };
  const lines = [line(head, style.head), ...rows.map((row) => line(row, style.row))];
  return `${lines.join("\n")}\n`;
}

interface Row {
  readonly self: string;
  readonly total: string;
  readonly samples: string;
  readonly name: string;
  readonly where: string;
}

function cells(hot: HotFunction, ticks: number): Row {
  return {
    self: percent(hot.self, ticks),
    total: percent(hot.total, ticks),
    samples: String(hot.samples),
    name: printable(hot.name),
    where: printable(hot.where),
  };
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(1)}%`;
}

function padColumns(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - columnsOf(text)));
}

const same = (row: Row) => row;
const PLAIN = { head: same, row: same };

const bold = (text: string) => `\u001b[1m${text}\u001b[22m`;
const dim = (text: string) => `\u001b[2m${text}\u001b[22m`;
const ANSI = {
  head: (row: Row): Row => ({
    self: dim(row.self),
    total: dim(row.total),
    samples: dim(row.samples),
    name: dim(row.name),
    where: dim(row.where),
  }),
  row: (row: Row): Row => ({ ...row, self: bold(row.self), samples: dim(row.samples), where: dim(row.where) }),
};
