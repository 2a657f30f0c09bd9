/** An ELF file of nothing but a build ID and so many bytes of padding. */
export function elfWithBuildId(buildId: string, paddingBytes = 0): Buffer {
  const id = Buffer.from(buildId, "hex");
  const note = Buffer.alloc(16 + Math.ceil(id.length / 4) * 4);
  note.writeUInt32LE(4, 0);
  note.writeUInt32LE(id.length, 4);
  note.writeUInt32LE(3, 8); // NT_GNU_BUILD_ID
  note.write("GNU\0", 12, "latin1");
  id.copy(note, 16);
  const header = Buffer.alloc(64 + 56);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header.writeUInt16LE(3, 16); // ET_DYN
  header.writeUInt16LE(process.arch === "arm64" ? 183 : 62, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(64n, 32); // program headers
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(1, 56);
  header.writeUInt16LE(64, 58);
  header.writeUInt32LE(4, 64); // PT_NOTE
  header.writeBigUInt64LE(BigInt(header.length), 64 + 8);
  header.writeBigUInt64LE(BigInt(note.length), 64 + 32);
  header.writeBigUInt64LE(BigInt(note.length), 64 + 40);
  header.writeBigUInt64LE(4n, 64 + 48);
  return Buffer.concat([header, note, Buffer.alloc(paddingBytes)]);
}

/** The build ID of that number. */
export function numberedBuildId(number: number): string {
  return number.toString(16).padStart(40, "0");
}
