import { type FieldValue, readFields } from "#src/protobuf/reader.js";

/** A message as its fields, by number, in the order they came: numbers, and bytes for all that has a length. */
type Fields = Map<number, (bigint | Uint8Array)[]>;

const FIXED64_FIELDS: ReadonlySet<string> = new Set(["profile 3"]);

/**
 * What an ExportProfilesServiceRequest says, as a person reads it: resources, and samples a line with their attributes. Throws where
 * an index leads nowhere, where a table's first row is not the zero value, and where something is in a table twice or for nothing.
 */
export function otlpText(bytes: Uint8Array): string {
  const request = fieldsOf(bytes);
  const dictionary = fieldsOf(one(request, 2));
  const tables = {
    mapping: many(dictionary, 1),
    location: many(dictionary, 2),
    function: many(dictionary, 3),
    link: many(dictionary, 4),
    string: many(dictionary, 5).map((each) => Buffer.from(each).toString("utf8")),
    attribute: many(dictionary, 6),
    stack: many(dictionary, 7),
  };
  for (const [name, rows] of Object.entries(tables)) {
    if (rows.length === 0 || rows[0].length !== 0) throw new Error(`the first row of ${name} is not the zero value`);
  }
  if (new Set(tables.string).size !== tables.string.length) throw new Error("a string is there twice");
  const used = new Set<string>();
  const row = (table: Exclude<keyof typeof tables, "string">, index: bigint): Fields => {
    const found = tables[table].at(Number(index));
    if (found === undefined) throw new Error(`no ${table} ${index}`);
    used.add(`${table} ${index}`);
    return fieldsOf(found);
  };
  const text = (index: bigint): string => {
    const found = tables.string.at(Number(index));
    if (found === undefined) throw new Error(`no string ${index}`);
    used.add(`string ${index}`);
    return found;
  };
  const attributes = (message: Fields, field: number): string => {
    const words = packed(message, field).map((index) => {
      const attribute = row("attribute", index);
      return `${text(number(attribute, 1))}=${anyText(one(attribute, 2))}`;
    });
    return words.length === 0 ? "" : ` {${words.join(", ")}}`;
  };
  const frames = (index: bigint): string => {
    const location = row("location", index);
    const mapping = row("mapping", number(location, 1));
    const names = many(location, 3).map((line) => text(number(row("function", number(fieldsOf(line), 1)), 1)));
    for (const line of many(location, 3)) {
      const fn = row("function", number(fieldsOf(line), 1));
      text(number(fn, 2));
      text(number(fn, 3));
    }
    const file = text(number(mapping, 4));
    return `${names.toReversed().join(" > ")} (${file}${attributes(mapping, 5)})${attributes(location, 4)}`;
  };
  const valueType = (message: Uint8Array): string => {
    const type = fieldsOf(message);
    return `${text(number(type, 1))}/${text(number(type, 2))}`;
  };

  const lines: string[] = [];
  for (const resourceProfiles of many(request, 1).map((each) => fieldsOf(each))) {
    for (const attribute of many(fieldsOf(one(resourceProfiles, 1)), 1).map((each) => fieldsOf(each))) {
      lines.push(`resource ${Buffer.from(one(attribute, 1)).toString("utf8")} = ${anyText(one(attribute, 2))}`);
    }
    for (const scopeProfiles of many(resourceProfiles, 2).map((each) => fieldsOf(each))) {
      const scope = fieldsOf(one(scopeProfiles, 1));
      lines.push(`scope ${[1, 2].map((field) => Buffer.from(one(scope, field)).toString("utf8")).join(" ")}`);
      for (const bytesOfProfile of many(scopeProfiles, 2)) {
        const profile = fieldsOf(bytesOfProfile, "profile");
        lines.push(
          `profile ${Buffer.from(one(profile, 7))
            .toString("hex")
            .replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")}`,
        );
        lines.push(`  ${valueType(one(profile, 1))}, period ${number(profile, 6)} ${valueType(one(profile, 5))}`);
        lines.push(`  from ${number(profile, 3)}, for ${number(profile, 4)}`);
        for (const sample of many(profile, 2).map((each) => fieldsOf(each))) {
          const stack = packed(row("stack", number(sample, 1)), 1).toReversed();
          lines.push(
            `  ${packed(sample, 4).join(" ")}${attributes(sample, 2)}`,
            ...stack.map((index) => `    ${frames(index)}`),
          );
        }
      }
    }
  }
  for (const [table, rows] of Object.entries(tables)) {
    for (let index = 1; index < rows.length; index++) {
      if (!used.has(`${table} ${index}`)) throw new Error(`${table} ${index} is there for nothing`);
    }
  }
  return lines.join("\n");
}

function fieldsOf(bytes: Uint8Array, kind = ""): Fields {
  const fields: Fields = new Map();
  readFields(bytes, (field, value) => {
    const known = fields.get(field) ?? [];
    fields.set(field, known);
    known.push(FIXED64_FIELDS.has(`${kind} ${field}`) ? value.fixed64() : valueOf(value));
  });
  return fields;
}

function valueOf(value: FieldValue): bigint | Uint8Array {
  return value.isText ? value.bytes() : value.varint();
}

function many(fields: Fields, field: number): Uint8Array[] {
  return (fields.get(field) ?? []).map((value) => {
    if (typeof value === "bigint") throw new Error(`field ${field} is a number`);
    return value;
  });
}

function one(fields: Fields, field: number): Uint8Array {
  const [value] = many(fields, field);
  if (value === undefined) throw new Error(`field ${field} is missing`);
  return value;
}

function number(fields: Fields, field: number): bigint {
  const value = fields.get(field)?.[0] ?? 0n;
  if (typeof value !== "bigint") throw new Error(`field ${field} is no number`);
  return value;
}

function packed(fields: Fields, field: number): bigint[] {
  const numbers: bigint[] = [];
  for (const bytes of many(fields, field)) {
    let value = 0n;
    let shift = 0n;
    for (const byte of bytes) {
      value |= BigInt(byte & 0x7f) << shift;
      shift += 7n;
      if (byte < 0x80) {
        numbers.push(value);
        value = 0n;
        shift = 0n;
      }
    }
  }
  return numbers;
}

function anyText(bytes: Uint8Array): string {
  const any = fieldsOf(bytes);
  const [string] = any.get(1) ?? [];
  return string instanceof Uint8Array ? JSON.stringify(Buffer.from(string).toString("utf8")) : String(number(any, 3));
}
