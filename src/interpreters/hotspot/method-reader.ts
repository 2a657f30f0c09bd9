import { readLineTable, startLine, type LineTable } from "./line-table.js";
import { type MemoryPages, u64At } from "../memory-pages.js";
import { methodCookie, type MethodIdentity } from "./method-cookie.js";
import type { HotspotNameLayout } from "./name-layout.js";
import { decodeSymbol, spellClass, spellMethod } from "./spelling.js";

/** A method as a profile tells of it. */
export interface MethodName {
  readonly name: string;
  /** "" when unknown. */
  readonly fileName: string;
  readonly startLine: number;
  readonly lines: LineTable;
}

/** What a method is, and where it keeps what its name is made of. */
export interface FoundMethod extends MethodIdentity {
  readonly cookie: number;
  readonly pool: number;
  readonly klass: number;
  /** The ConstMethod's own fields. */
  readonly header: Buffer;
}

/** Names are shorter; a generated one may be as long as it likes. */
const MAX_SYMBOL_BYTES = 512;
const CONST_METHOD_MAX_WORDS = 1 << 16;
/** Of a table of lines: the longest of the JDK's takes 9 KiB. */
const MAX_TABLE_BYTES = 65_536;
const WORD = 8;

/** Reads methods out of a process: Method → ConstMethod → ConstantPool → Symbols (hotspot/share/oops). Each step may fail. */
export class MethodReader {
  constructor(
    private readonly pages: MemoryPages,
    private readonly layout: HotspotNameLayout,
  ) {}

  /** What lies at the address of a method; undefined where it cannot be one. */
  async find(method: number): Promise<FoundMethod | undefined> {
    const { pages, layout } = this;
    const constMethod = await pages.u64(method + layout.method.constMethod);
    if (constMethod === undefined) return undefined;
    const header = await pages.bytes(constMethod, layout.constMethod.bytes);
    if (header === undefined) return undefined;
    const pool = u64At(header, layout.constMethod.constants);
    const nameSymbol = await this.poolEntry(pool, header.readUInt16LE(layout.constMethod.nameIndex));
    const klass = await pages.u64(pool + layout.pool.holder);
    const classSymbol = klass === undefined ? undefined : await pages.u64(klass + layout.klass.name);
    if (klass === undefined || nameSymbol === undefined || classSymbol === undefined) return undefined;
    const nameHash = await this.hash(nameSymbol);
    const classHash = await this.hash(classSymbol);
    if (nameHash === undefined || classHash === undefined) return undefined;
    const identity = { constMethod, nameSymbol, classSymbol, nameHash, classHash };
    return { ...identity, cookie: methodCookie(identity), pool, klass, header };
  }

  /** Its name, file and lines; undefined where it has no name. */
  async read(found: FoundMethod): Promise<MethodName | undefined> {
    const method = await this.symbol(found.nameSymbol);
    const className = await this.symbol(found.classSymbol);
    if (method === undefined || className === undefined || method === "" || className === "") return undefined;
    const lines = await this.lines(found);
    return {
      name: spellMethod(spellClass(className), method),
      fileName: (await this.sourceFile(found)) ?? "",
      startLine: startLine(lines),
      lines,
    };
  }

  private async poolEntry(pool: number, index: number): Promise<number | undefined> {
    const { layout, pages } = this;
    const length = (await pages.bytes(pool + layout.pool.length, 4))?.readInt32LE(0);
    if (length === undefined || index === 0 || index >= length) return undefined;
    return pages.u64(pool + layout.pool.bytes + WORD * index);
  }

  private async hash(symbol: number): Promise<number | undefined> {
    return (await this.pages.bytes(symbol + this.layout.symbol.hash, 2))?.readUInt16LE(0);
  }

  private async symbol(address: number): Promise<string | undefined> {
    const { length, body } = this.layout.symbol;
    const bytes = (await this.pages.bytes(address + length, 2))?.readUInt16LE(0);
    if (bytes === undefined) return undefined;
    if (bytes === 0) return "";
    const text = await this.pages.bytes(address + body, Math.min(bytes, MAX_SYMBOL_BYTES));
    return text && decodeSymbol(text);
  }

  private async sourceFile({ pool, klass }: FoundMethod): Promise<string | undefined> {
    const { in: place, offset } = this.layout.sourceFile;
    const at = (place === "pool" ? pool : klass) + offset;
    const index = (await this.pages.bytes(at, 2))?.readUInt16LE(0);
    const symbol = index === undefined ? undefined : await this.poolEntry(pool, index);
    return symbol === undefined ? undefined : this.symbol(symbol);
  }

  /** The table lies behind the bytecodes, which lie behind the ConstMethod's own fields; the object's size bounds it. */
  private async lines({ constMethod, header }: FoundMethod): Promise<LineTable> {
    const { bytes, size, flags, hasLineNumbers, codeSize } = this.layout.constMethod;
    if ((header.readUInt16LE(flags) & hasLineNumbers) === 0) return new Uint16Array(0);
    const words = header.readInt32LE(size);
    const start = bytes + header.readUInt16LE(codeSize);
    if (words <= 0 || words > CONST_METHOD_MAX_WORDS) return new Uint16Array(0);
    const length = Math.min(words * WORD - start, MAX_TABLE_BYTES);
    const table = length <= 0 ? undefined : await this.pages.bytes(constMethod + start, length);
    return table === undefined ? new Uint16Array(0) : readLineTable(table, this.layout.compressedBias);
  }
}
