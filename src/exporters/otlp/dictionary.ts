import { MessageWriter } from "../../protobuf/writer.js";

/** Fields of ProfilesDictionary. */
const TABLES = { mapping: 1, location: 2, function: 3, link: 4, string: 5, attribute: 6, stack: 7 } as const;
type TableName = keyof typeof TABLES;

/**
 * What the profiles of one request share. Element 0 of every table is the zero value, which means "not set"; the others are added
 * once each, and named by their index.
 */
export class Dictionary {
  private readonly strings = new Map<string, number>([["", 0]]);
  private readonly attributes = new Map<string, number>();
  private readonly tables: Readonly<Record<Exclude<TableName, "string">, Table>> = {
    mapping: new Table(TABLES.mapping),
    location: new Table(TABLES.location),
    function: new Table(TABLES.function),
    link: new Table(TABLES.link),
    attribute: new Table(TABLES.attribute),
    stack: new Table(TABLES.stack),
  };

  text(text: string): number {
    const known = this.strings.get(text);
    if (known !== undefined) return known;
    this.strings.set(text, this.strings.size);
    return this.strings.size - 1;
  }

  /** KeyValueAndUnit{1 key_strindex, 2 value: AnyValue{1 string, 3 int}}. */
  attribute(key: string, value: string | number): number {
    const name = `${typeof value} ${key} ${value}`;
    const known = this.attributes.get(name);
    if (known !== undefined) return known;
    const any = new MessageWriter();
    if (typeof value === "string") any.bytes(1, Buffer.from(value, "utf8"));
    else any.varint(3, value);
    const index = this.add("attribute", new MessageWriter().varint(1, this.text(key)).message(2, any));
    this.attributes.set(name, index);
    return index;
  }

  /** Copies the row: its writer may be cleared. */
  add(table: Exclude<TableName, "string">, row: MessageWriter): number {
    return this.tables[table].add(row);
  }

  message(): MessageWriter {
    const { mapping, location, function: functions, link, attribute, stack } = this.tables;
    const strings = new MessageWriter();
    // Not as text(): the first of them is empty, and must be there.
    for (const text of this.strings.keys()) strings.anyText(TABLES.string, text);
    const parts = [mapping.rows, location.rows, functions.rows, link.rows, strings, attribute.rows, stack.rows];
    const written = parts.map((part) => part.finish());
    const message = new MessageWriter(written.reduce((sum, { length }) => sum + length, 0));
    for (const part of written) message.fields(part);
    return message;
  }
}

/** The rows of one table, as fields of the dictionary. */
class Table {
  readonly rows = new MessageWriter();
  private length = 0;

  constructor(private readonly field: number) {
    this.add(new MessageWriter());
  }

  /** Gives its index. */
  add(row: MessageWriter): number {
    this.rows.message(this.field, row);
    return this.length++;
  }
}
