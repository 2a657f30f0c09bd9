import { MessageWriter } from "../../protobuf/writer.js";

/** Fields of ProfilesDictionary. */
const TABLES = { mapping: 1, location: 2, function: 3, link: 4, string: 5, attribute: 6, stack: 7 } as const;

/**
 * What the profiles of one request share. Element 0 of every table is the zero value, which means "not set"; the others are added
 * once each, and named by their index.
 */
export class Dictionary {
  private readonly strings = new Map<string, number>([["", 0]]);
  private readonly attributes = new Map<string, number>();
  private readonly rows: Readonly<Record<keyof typeof TABLES, MessageWriter[]>> = {
    mapping: [new MessageWriter()],
    location: [new MessageWriter()],
    function: [new MessageWriter()],
    link: [new MessageWriter()],
    string: [],
    attribute: [new MessageWriter()],
    stack: [new MessageWriter()],
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

  add(table: Exclude<keyof typeof TABLES, "string">, row: MessageWriter): number {
    return this.rows[table].push(row) - 1;
  }

  message(): MessageWriter {
    const message = new MessageWriter();
    for (const [table, rows] of Object.entries(this.rows)) {
      for (const row of rows) message.message(TABLES[table as keyof typeof TABLES], row);
    }
    // Not as text(): the first of them is empty, and must be there.
    for (const text of this.strings.keys()) message.bytes(TABLES.string, Buffer.from(text, "utf8"));
    return message;
  }
}
