/** A place in a text, both counted from zero, columns in UTF-16 code units. */
export interface Point {
  readonly line: number;
  readonly column: number;
}

/** One segment: from this column of a generated line on, another place. */
export interface Segment {
  readonly column: number;
  /** Index into sources; -1: what follows comes from no source. */
  readonly source: number;
  readonly sourceLine: number;
  readonly sourceColumn: number;
  /** Index into names, -1 where there is none. */
  readonly name: number;
}

/** What mappings say of one point. */
export interface Mapped {
  /**
   * The segments of its line up to the point, the nearest first: enough to find the one that names what the nearest is part of.
   * Empty where the line has none before the point.
   */
  readonly segments: readonly Segment[];
  /** Column at which the last segment of its line begins, -1 where the line has none. */
  readonly lastColumn: number;
}

/** What is given of a point: its segment and those before it. */
const GIVEN = 4;
/** One more is kept: that a segment lies beyond a point is known when it has been read. */
const KEPT = GIVEN + 1;
const COMMA = 0x2c;
const SEMICOLON = 0x3b;
/** Of a base64 digit, what continues the number. */
const CONTINUES = 32;
/** Seven digits of five bits hold what 32 bits can. */
const MAX_SHIFT = 30;
const MAX_VALUE = 2 ** 31;
/** Value of each base64 digit, -1 of what is none. */
const DIGITS = new Int8Array(256).fill(-1);
for (const [value, digit] of Buffer.from(
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
).entries()) {
  DIGITS[digit] = value;
}
const NOWHERE: Mapped = { segments: [], lastColumn: -1 };

/**
 * Looks points up in the mappings of a source map (ECMA-426, section 9.2): one pass over them, as far as the last point's line. Nothing is
 * kept of the segments that no point asks for, for there can be ten million.
 *
 * @param points in order of line and column.
 * @returns parallel to the points; undefined where the mappings are none up to there, or a point's line has its segments out of order.
 */
export function lookUpMappings(mappings: Uint8Array, points: readonly Point[]): readonly Mapped[] | undefined {
  return points.length === 0 ? [] : new Walk(mappings, points).run();
}

class Walk {
  private at = 0;
  private line = 0;
  /** Of the numbers that segments tell as differences: column, source, its line and column, name. */
  private readonly values = new Float64Array(5);
  /** The latest segments of this line: five numbers each, and how many there were. */
  private readonly latest = new Float64Array(KEPT * 5);
  private count = 0;

  constructor(
    private readonly mappings: Uint8Array,
    private readonly points: readonly Point[],
  ) {}

  run(): readonly Mapped[] | undefined {
    const { points } = this;
    const found: Mapped[] = [];
    while (found.length < points.length) {
      const isThere = this.skipTo(points[found.length].line);
      if (isThere === undefined) return undefined;
      if (!isThere) return found.concat(points.slice(found.length).map(() => NOWHERE));
      if (!this.readLine(found)) return undefined;
    }
    return found;
  }

  /** Goes through lines that nobody asks for; false at the end of all, undefined at nonsense. */
  private skipTo(line: number): boolean | undefined {
    while (this.line < line) {
      if (this.at >= this.mappings.length) return false;
      if (this.mappings[this.at] === SEMICOLON) this.endLine();
      else if (!this.readSegment()) return undefined;
    }
    return true;
  }

  private endLine(): void {
    this.at++;
    this.line++;
    this.values[0] = 0;
    this.count = 0;
  }

  /** Answers the points of this line; false at nonsense. */
  private readLine(found: Mapped[]): boolean {
    const { mappings, points, values } = this;
    const first = found.length;
    let [next, column] = [first, -1];
    const waits = (): boolean => next < points.length && points[next].line === this.line;
    const answers: (readonly Segment[])[] = [];
    while (this.at < mappings.length && mappings[this.at] !== SEMICOLON) {
      const before = this.count;
      if (!this.readSegment()) return false;
      if (this.count === before) continue;
      if (values[0] < column) return false;
      column = values[0];
      for (; waits() && points[next].column < column; next++) answers.push(segmentsOf(this.latest, before));
    }
    for (; waits(); next++) answers.push(segmentsOf(this.latest, this.count));
    for (const segments of answers) found.push({ segments, lastColumn: column });
    return true;
  }

  /** Reads up to the next separator and past a comma; false at nonsense. */
  private readSegment(): boolean {
    const { mappings, values, latest } = this;
    let fields = 0;
    for (; this.at < mappings.length; fields++) {
      const byte = mappings[this.at];
      if (byte === COMMA || byte === SEMICOLON) break;
      const difference = fields < 5 ? this.readNumber() : Number.NaN;
      const value = values[fields] + difference;
      if (!(value >= 0 && value < MAX_VALUE)) return false;
      values[fields] = value;
    }
    if (mappings[this.at] === COMMA) this.at++;
    if (fields === 0) return true;
    if (fields !== 1 && fields !== 4 && fields !== 5) return false;
    const row = (this.count++ % KEPT) * 5;
    latest[row] = values[0];
    latest[row + 1] = fields === 1 ? -1 : values[1];
    latest[row + 2] = values[2];
    latest[row + 3] = values[3];
    latest[row + 4] = fields === 5 ? values[4] : -1;
    return true;
  }

  /** A base64 VLQ, its sign in the lowest bit; NaN where there is none. */
  private readNumber(): number {
    let value = 0;
    for (let shift = 0; shift <= MAX_SHIFT; shift += 5) {
      const digit = this.at < this.mappings.length ? DIGITS[this.mappings[this.at++]] : -1;
      if (digit < 0) break;
      value += (digit & (CONTINUES - 1)) * 2 ** shift;
      if ((digit & CONTINUES) === 0) return value % 2 === 1 ? -(value - 1) / 2 : value / 2;
    }
    return Number.NaN;
  }
}

/** The latest first. */
function segmentsOf(latest: Float64Array, count: number): readonly Segment[] {
  return Array.from({ length: Math.min(count, GIVEN) }, (_, back) => {
    const row = ((count - 1 - back) % KEPT) * 5;
    const [column, source, sourceLine, sourceColumn, name] = latest.subarray(row, row + 5);
    return { column, source, sourceLine, sourceColumn, name };
  });
}
