const HEADER = 64;
const PROGRAM_HEADER = 56;
const SECTION_HEADER = 64;
const SYMBOL = 24;
const PAGE = 4096;
const FUNCTION_BYTES = 16;

export interface HostileElf {
  readonly bytes: Uint8Array;
  /** File offset of each function. */
  readonly fileOffsets: Float64Array;
}

/**
 * A well-formed ELF file of half a megabyte whose names, read one by one, are a hundred: `count` functions, at most `nameBytes`, whose
 * names are all ends of one text that is so long.
 */
export function elfOfEndlessNames(count: number, nameBytes: number): HostileElf {
  const textBytes = count * FUNCTION_BYTES;
  const symbolsAt = PAGE + textBytes;
  const stringsAt = symbolsAt + (count + 1) * SYMBOL;
  const stringsBytes = 1 + nameBytes + 1;
  const sectionsAt = stringsAt + stringsBytes + (8 - ((stringsAt + stringsBytes) % 8));
  const bytes = new Uint8Array(sectionsAt + 4 * SECTION_HEADER);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 3, true); // ET_DYN
  view.setUint16(18, process.arch === "arm64" ? 183 : 62, true);
  view.setUint32(20, 1, true);
  put(view, 32, [HEADER, sectionsAt]);
  view.setUint16(52, HEADER, true);
  view.setUint16(54, PROGRAM_HEADER, true);
  view.setUint16(56, 1, true);
  view.setUint16(58, SECTION_HEADER, true);
  view.setUint16(60, 4, true);
  view.setUint16(62, 3, true); // names of sections: any strings do
  view.setUint32(HEADER, 1, true); // PT_LOAD
  view.setUint32(HEADER + 4, 5, true); // R+X
  put(view, HEADER + 8, [PAGE, PAGE, PAGE, textBytes, textBytes, PAGE]);
  section(view, sectionsAt + SECTION_HEADER, { type: 1, flags: 6, address: PAGE, at: PAGE, size: textBytes });
  const symbols = { type: 2, flags: 0, address: 0, at: symbolsAt, size: (count + 1) * SYMBOL };
  section(view, sectionsAt + 2 * SECTION_HEADER, { ...symbols, link: 3, info: 1, entry: SYMBOL });
  section(view, sectionsAt + 3 * SECTION_HEADER, { type: 3, flags: 0, address: 0, at: stringsAt, size: stringsBytes });
  bytes.fill(0x61, stringsAt + 1, stringsAt + stringsBytes - 1);
  const fileOffsets = new Float64Array(count);
  for (let at = 0; at < count; at++) {
    const symbol = symbolsAt + (at + 1) * SYMBOL;
    view.setUint32(symbol, 1 + at, true);
    view.setUint8(symbol + 4, 0x12); // global function
    view.setUint16(symbol + 6, 1, true);
    put(view, symbol + 8, [PAGE + at * FUNCTION_BYTES, FUNCTION_BYTES]);
    fileOffsets[at] = PAGE + at * FUNCTION_BYTES;
  }
  return { bytes, fileOffsets };
}

interface Section {
  readonly type: number;
  readonly flags: number;
  readonly address: number;
  readonly at: number;
  readonly size: number;
  readonly link?: number;
  readonly info?: number;
  readonly entry?: number;
}

function section(view: DataView, header: number, wanted: Section): void {
  const { type, flags, address, at, size, link = 0, info = 0, entry = 0 } = wanted;
  view.setUint32(header + 4, type, true);
  put(view, header + 8, [flags, address, at, size]);
  view.setUint32(header + 40, link, true);
  view.setUint32(header + 44, info, true);
  put(view, header + 48, [8, entry]);
}

function put(view: DataView, at: number, values: readonly number[]): void {
  for (const [place, value] of values.entries()) view.setBigUint64(at + 8 * place, BigInt(value), true);
}
