/** A jitdump as a just-in-time compiler writes it (tools/perf/Documentation/jitdump-specification.txt). */
const MAGIC = 0x4a695444;

export interface DumpedLine {
  readonly address: number;
  readonly line: number;
  /** "" stands for: the same as before. */
  readonly fileName: string;
}

export function dumpHeader(): Buffer {
  const header = Buffer.alloc(40);
  header.writeUInt32LE(MAGIC, 0);
  header.writeUInt32LE(1, 4);
  header.writeUInt32LE(40, 8);
  header.writeUInt32LE(62, 12);
  return header;
}

export function dumpRecord(id: number, body: Uint8Array, bytes = 16 + body.length): Buffer {
  const prefix = Buffer.alloc(16);
  prefix.writeUInt32LE(id, 0);
  prefix.writeUInt32LE(bytes, 4);
  return Buffer.concat([prefix, body]);
}

export function dumpLoad(address: number, size: number, name: string, code = 32): Buffer {
  const body = Buffer.alloc(40);
  body.writeBigUInt64LE(BigInt(address), 8);
  body.writeBigUInt64LE(BigInt(address), 16);
  body.writeBigUInt64LE(BigInt(size), 24);
  return dumpRecord(0, Buffer.concat([body, Buffer.from(`${name}\0`), Buffer.alloc(code, 0xcc)]));
}

export function dumpMove(from: number, to: number, size: number): Buffer {
  const body = Buffer.alloc(48);
  body.writeBigUInt64LE(BigInt(to), 8);
  body.writeBigUInt64LE(BigInt(from), 16);
  body.writeBigUInt64LE(BigInt(to), 24);
  body.writeBigUInt64LE(BigInt(size), 32);
  return dumpRecord(1, body);
}

export function dumpLines(address: number, lines: readonly DumpedLine[]): Buffer {
  const head = Buffer.alloc(16);
  head.writeBigUInt64LE(BigInt(address), 0);
  head.writeBigUInt64LE(BigInt(lines.length), 8);
  const entries = lines.map(({ address: at, line, fileName }) => {
    const entry = Buffer.alloc(16);
    entry.writeBigUInt64LE(BigInt(at), 0);
    entry.writeInt32LE(line, 8);
    return Buffer.concat([entry, fileName === "" ? Buffer.from([0xff, 0]) : Buffer.from(`${fileName}\0`)]);
  });
  return dumpRecord(2, Buffer.concat([head, ...entries]));
}

export function dumpClose(): Buffer {
  return dumpRecord(3, Buffer.alloc(0));
}
