export type Attributes = Readonly<Record<string, string | number>>;

/** A ProcessContext { 1 resource, 2 attributes }, what is published today. */
export function contextPayload(resource: Attributes, others: Attributes = {}): Buffer {
  return Buffer.concat([bytesField(1, resourcePayload(resource)), ...keyValues(2, others)]);
}

/** A bare Resource { 1 attributes, 2 dropped_attributes_count }, as drafts had it. */
export function resourcePayload(attributes: Attributes, dropped = 0): Buffer {
  return Buffer.concat([...keyValues(1, attributes), dropped === 0 ? Buffer.alloc(0) : numberField(2, dropped)]);
}

/** The 32 bytes before a payload. */
export function contextHeader(
  payloadBytes: number,
  { signature = "OTEL_CTX", version = 2, publishedNs = 1n, address = 0x1000n } = {},
): Buffer {
  const header = Buffer.alloc(32);
  header.write(signature, "latin1");
  header.writeUInt32LE(version, 8);
  header.writeUInt32LE(payloadBytes, 12);
  header.writeBigUInt64LE(publishedNs, 16);
  header.writeBigUInt64LE(address, 24);
  return header;
}

/** KeyValue { 1 key, 2 value: AnyValue { 1 string_value, 3 int_value } }. */
function keyValues(field: number, attributes: Attributes): Buffer[] {
  return Object.entries(attributes).map(([key, value]) => {
    const any = typeof value === "string" ? bytesField(1, Buffer.from(value)) : numberField(3, value);
    return bytesField(field, Buffer.concat([bytesField(1, Buffer.from(key)), bytesField(2, any)]));
  });
}

function bytesField(field: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint(field * 8 + 2), varint(bytes.length), bytes]);
}

function numberField(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value > 0x7f; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
  return Buffer.from([...bytes, value]);
}
