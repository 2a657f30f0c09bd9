import type { Memory } from "#src/interpreters/memory-pages.js";
import { blobCookie, methodCookie } from "#src/interpreters/hotspot/method-cookie.js";
import type { HotspotNameLayout } from "#src/interpreters/hotspot/name-layout.js";
import { compressed } from "./compressed-numbers.js";

export interface ImageMethod {
  /** "java/util/HashMap". */
  readonly className: string;
  readonly name: string;
  readonly fileName: string;
  /** Pairs of bytecode index and line. */
  readonly lines: readonly (readonly [bci: number, line: number])[];
}

/** A descriptor of an instruction, and the scopes that hold there, innermost first. */
export interface ImagePosition {
  readonly pcOffset: number;
  readonly scopes: readonly (readonly [method: number, bci: number])[];
}

export interface ImageCode {
  readonly method: number;
  readonly compileId: number;
  readonly frameComplete: number;
  readonly positions: readonly ImagePosition[];
}

const PAGE = 4096;
const CODE_BYTES = 512;
const UPPER_LIMIT = 0x3fffffff;
/** Things lie so far apart that each has pages of its own. */
const SPACING = 4096;
/** Compiled code lies from here on; the rest below. */
export const FIRST_CODE = 0x7f80_0000_0000;

/** The memory of a JVM that has a few methods and some compiled code, made by hand for any version's layout. */
export class HotspotImage implements Memory {
  private readonly pages = new Map<number, Buffer>();
  private next = 0x7f00_0000_1000;
  private nextCode = FIRST_CODE;
  reads = 0;
  bytes = 0;
  readonly isStuck = false;

  constructor(
    readonly layout: HotspotNameLayout,
    /** Symbols' random numbers begin here. */
    private hash = 1,
  ) {}

  readUpTo(address: number, length: number): Promise<Buffer | undefined> {
    this.reads++;
    this.bytes += length;
    return Promise.resolve(this.readNow(address, length));
  }

  readNow(address: number, length: number): Buffer | undefined {
    const bytes = Buffer.alloc(length);
    let filled = 0;
    while (filled < length) {
      const at = address + filled;
      const page = this.pages.get(Math.floor(at / PAGE));
      if (page === undefined) break;
      filled += page.copy(bytes, filled, at % PAGE, Math.min(PAGE, (at % PAGE) + length - filled));
    }
    return filled === 0 ? undefined : bytes.subarray(0, filled);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** All that is written, with its addresses. */
  get written(): ReadonlyMap<number, Buffer> {
    return this.pages;
  }

  /** Gives the address of the Method, and its cookie. */
  method({ className, name, fileName, lines }: ImageMethod): { readonly address: number; readonly cookie: number } {
    const { constMethod, pool, klass, sourceFile, method, compressedBias } = this.layout;
    const nameHash = this.hash;
    const nameSymbol = this.symbol(name);
    const classHash = this.hash;
    const classSymbol = this.symbol(className);
    const fileSymbol = this.symbol(fileName);
    const table = Buffer.from([...lineTable(lines, compressedBias), 0]);
    const codeSize = 40;
    const words = Math.ceil((constMethod.bytes + codeSize + table.length) / 8);
    const [klassAt, poolAt] = [this.room(512), this.room(pool.bytes + 32)];
    const constAt = this.room(words * 8);
    const address = this.room(128);
    this.u64(address + method.constMethod, constAt);
    this.u64(constAt + constMethod.constants, poolAt);
    this.u32(constAt + constMethod.size, words);
    this.u16(constAt + constMethod.flags, constMethod.hasLineNumbers);
    this.u16(constAt + constMethod.codeSize, codeSize);
    this.u16(constAt + constMethod.nameIndex, 1);
    this.write(constAt + constMethod.bytes + codeSize, table);
    this.u32(poolAt + pool.length, 4);
    this.u64(poolAt + pool.holder, klassAt);
    this.u64(poolAt + pool.bytes + 8, nameSymbol);
    this.u64(poolAt + pool.bytes + 16, fileSymbol);
    this.u64(klassAt + klass.name, classSymbol);
    this.u16((sourceFile.in === "pool" ? poolAt : klassAt) + sourceFile.offset, 2);
    return { address, cookie: methodCookie({ constMethod: constAt, nameSymbol, classSymbol, nameHash, classHash }) };
  }

  /** Gives the address of the nmethod, and its cookie. */
  code({ method, compileId, frameComplete, positions }: ImageCode): {
    readonly address: number;
    readonly cookie: number;
  } {
    const { blob, nmethod } = this.layout;
    const methods = [...new Set(positions.flatMap(({ scopes }) => scopes.map(([each]) => each)))];
    const data: number[] = [0]; // offset 0 means none
    const descriptors: (readonly [number, number])[] = positions.map(({ pcOffset, scopes }) => {
      let sender = 0;
      for (const [each, bci] of [...scopes].reverse()) {
        const at = data.length;
        const numbers = [sender, methods.indexOf(each) + 1, bci + 1, 0, 0, 0];
        data.push(...numbers.flatMap((number) => compressed(number, this.layout.compressedBias)));
        sender = at;
      }
      return [pcOffset, sender] as const;
    });
    const pcs = Buffer.alloc((descriptors.length + 2) * 16);
    for (const [row, [pc, at]] of [[-1, 0] as const, ...descriptors, [UPPER_LIMIT, 0] as const].entries()) {
      pcs.writeInt32LE(pc, row * 16);
      pcs.writeInt32LE(at, row * 16 + 4);
    }
    const scopes = Buffer.alloc(Math.ceil(data.length / 8) * 8);
    scopes.set(data);
    const metadata = Buffer.alloc(Math.max(8, methods.length * 8));
    for (const [row, each] of methods.entries()) metadata.writeBigUInt64LE(BigInt(each), row * 8);
    const address = this.codeRoom(blob.blockBytes + nmethod.bytes + metadata.length + scopes.length + pcs.length) + 16;
    const code = this.codeRoom(CODE_BYTES);
    this.write(address - blob.blockBytes + blob.blockUsed, Buffer.from([1]));
    this.blob(address, code, 1);
    if (blob.frameCompleteBytes === 2) this.u16(address + blob.frameComplete, frameComplete);
    else this.u32(address + blob.frameComplete, frameComplete);
    this.u64(address + nmethod.method, method);
    this.u32(address + nmethod.compileId, compileId);
    this.debugInformation(address, { pcs, scopes, metadata });
    return { address, cookie: compileId };
  }

  /** A piece of code that is no method's. */
  stub(name: string, size: number): { readonly address: number; readonly cookie: number } {
    const address = this.codeRoom(256);
    const code = this.codeRoom(CODE_BYTES);
    const text = this.room(80);
    this.write(text, Buffer.from(`${name}\0`));
    const begin = this.blob(address, code, size);
    this.u64(address + this.layout.blob.name, text);
    return { address, cookie: blobCookie(size, begin) };
  }

  private blob(address: number, code: number, size: number): number {
    const { blob } = this.layout;
    this.u32(address + blob.size, size);
    if (blob.codeBeginIsAddress) this.u64(address + blob.codeBegin, code);
    else this.u32(address + blob.codeBegin, code - address);
    return code;
  }

  private debugInformation(
    address: number,
    { pcs, scopes, metadata }: Readonly<Record<"pcs" | "scopes" | "metadata", Buffer>>,
  ): void {
    const { nmethod } = this.layout;
    const inside = address + nmethod.bytes;
    const { scopes: scopesPlace, metadata: metadataPlace } = nmethod;
    if (scopesPlace.kind === "immutable") {
      const at = this.room(pcs.length + scopes.length);
      this.write(at, Buffer.concat([pcs, scopes]));
      this.u64(address + scopesPlace.pointer, at);
      this.u32(address + nmethod.scopesPcs, 0);
      this.u32(address + scopesPlace.data, pcs.length);
      this.u32(address + scopesPlace.size, pcs.length + scopes.length);
    } else {
      this.write(inside, Buffer.concat([metadata, scopes, pcs]));
      const scopesAt = nmethod.bytes + metadata.length;
      if (scopesPlace.kind === "pointer") this.u64(address + scopesPlace.pointer, address + scopesAt);
      else this.u32(address + scopesPlace.data, scopesAt);
      this.u32(address + nmethod.scopesPcs, scopesAt + scopes.length);
      this.u32(address + nmethod.scopesPcsEnd, scopesAt + scopes.length + pcs.length);
    }
    switch (metadataPlace.kind) {
      case "header":
        this.u32(address + metadataPlace.offset, nmethod.bytes);
        break;
      case "data":
        throw new Error("no layout of these is made");
      case "mutable": {
        const at = this.room(metadata.length + 8);
        this.write(at + 8, metadata);
        this.u64(address + metadataPlace.pointer, at);
        this.u32(address + metadataPlace.relocationSize, 8);
        this.u32(address + metadataPlace.size, metadata.length + 8);
      }
    }
  }

  private symbol(text: string): number {
    const { length, hash, body } = this.layout.symbol;
    const bytes = Buffer.from(text);
    const address = this.room(body + bytes.length + 8);
    this.u16(address + length, bytes.length);
    this.u16(address + hash, this.hash++);
    this.write(address + body, bytes);
    return address;
  }

  private room(bytes: number): number {
    const address = this.next;
    this.next += Math.ceil(bytes / 16) * 16 + SPACING;
    this.write(address, Buffer.alloc(bytes));
    return address;
  }

  private codeRoom(bytes: number): number {
    const address = this.nextCode;
    this.nextCode += Math.ceil(bytes / 16) * 16 + SPACING;
    this.write(address, Buffer.alloc(bytes));
    return address;
  }

  private u16(address: number, value: number): void {
    const bytes = Buffer.alloc(2);
    bytes.writeUInt16LE(value);
    this.write(address, bytes);
  }

  private u32(address: number, value: number): void {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    this.write(address, bytes);
  }

  private u64(address: number, value: number): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    this.write(address, bytes);
  }

  private write(address: number, bytes: Buffer): void {
    for (let done = 0; done < bytes.length;) {
      const at = address + done;
      const number = Math.floor(at / PAGE);
      let page = this.pages.get(number);
      if (page === undefined) this.pages.set(number, (page = Buffer.alloc(PAGE)));
      done += bytes.copy(page, at % PAGE, done);
    }
  }
}

function lineTable(lines: ImageMethod["lines"], bias: 0 | 1): number[] {
  let [lastBci, lastLine] = [0, 0];
  return lines.flatMap(([bci, line]) => {
    const bytes = [0xff, ...compressed(signed(bci - lastBci), bias), ...compressed(signed(line - lastLine), bias)];
    [lastBci, lastLine] = [bci, line];
    return bytes;
  });
}

function signed(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}
