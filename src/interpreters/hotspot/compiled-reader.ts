import type { Extent } from "../../util/extent.js";
import { CompressedStream } from "./compressed-stream.js";
import { type MemoryPages, u64At } from "../memory-pages.js";
import type { HotspotNameLayout } from "./name-layout.js";

/** What a piece of compiled code says that it was made of, innermost first: methods, each with the bytecode that runs or calls. */
export interface InlinedScope {
  /** Address of the Method. */
  readonly method: number;
  /** -1: the method's entry. */
  readonly bci: number;
}

/** What runs at an instruction, and for which others it is the same. */
export interface PlacedScopes {
  readonly range: Extent;
  readonly scopes: readonly InlinedScope[];
}

/** A compiled method's fields, as they were when it was read. */
export interface FoundCompiled {
  readonly address: number;
  readonly compileId: number;
  /** Address of the Method that was compiled; the outermost of each scope. */
  readonly method: number;
  /** Its own structure, to be compared: what changes of it while it lives are only its state and what a collector notes. */
  readonly header: Buffer;
  readonly frameComplete: number;
  readonly pcs: Section;
  readonly scopes: Section;
  readonly metadata: Section;
}

interface Section {
  readonly start: number;
  readonly bytes: number;
}

const COOKIE_MASK = 0xfff_ffff;
const PC_DESC_BYTES = 16;
const WORD = 8;
/** C2 gives up on methods of 80,000 nodes; their code has some ten thousand descriptors, and as many bytes of scopes again. */
const MAX_PCS_BYTES = 1 << 20;
const MAX_SCOPES_BYTES = 1 << 20;
const MAX_METADATA_BYTES = 1 << 19;
/** MaxInlineLevel is 15 (9 before 14), and method handles do not count. */
const MAX_DEPTH = 64;
/** A scope's first three numbers. */
const SCOPE_BYTES = 15;
/** Ends the descriptors: no instruction lies there (hotspot/share/code/pcDesc.hpp). */
const UPPER_LIMIT = 0x3fffffff;

/** Reads the debug information of compiled methods (hotspot/share/code: nmethod, pcDesc, scopeDesc). Each step may fail. */
export class CompiledReader {
  constructor(
    private readonly pages: MemoryPages,
    private readonly layout: HotspotNameLayout,
  ) {}

  /** The compiled method at an address; undefined where what lies there is another by now, or none. */
  async find(address: number, cookie: number): Promise<FoundCompiled | undefined> {
    const { nmethod, blob } = this.layout;
    const used = (await this.pages.bytes(address - blob.blockBytes + blob.blockUsed, 1))?.readUInt8(0);
    const header = await this.pages.bytes(address, nmethod.bytes);
    if (used !== 1 || header === undefined) return undefined;
    const compileId = header.readInt32LE(nmethod.compileId);
    const method = u64At(header, nmethod.method);
    if ((compileId & COOKIE_MASK) !== cookie || method === 0) return undefined;
    const { frameComplete, frameCompleteBytes } = blob;
    const complete = frameCompleteBytes === 2 ? header.readInt16LE(frameComplete) : header.readInt32LE(frameComplete);
    return { ...{ address, compileId, method, header, frameComplete: complete }, ...this.places(address, header) };
  }

  /** Whether it is what it was: its method not unloaded, its debug information not freed. Read anew by who forgets pages before. */
  async isStill(found: FoundCompiled): Promise<boolean> {
    const now = await this.find(found.address, found.compileId & COOKIE_MASK);
    return (
      now?.method === found.method &&
      now.compileId === found.compileId &&
      (["pcs", "scopes", "metadata"] as const).every((place) => now[place].start === found[place].start)
    );
  }

  /**
   * What runs at an instruction: `position` is its distance from the code's start, of a caller's the return address minus one. What
   * HotSpot knows of are the ends of calls and the like; between two of them what the next one tells holds, as
   * for its own profilers (pc_desc_near). Before there is a frame, nothing that was inlined runs yet.
   */
  async scopesAt(found: FoundCompiled, position: number): Promise<PlacedScopes> {
    const outermost = [{ method: found.method, bci: -1 }];
    if (position < found.frameComplete) return { range: { from: 0, limit: found.frameComplete }, scopes: outermost };
    const description = await this.descriptionOf(found, position);
    if (description === undefined) return { range: { from: position, limit: position + 1 }, scopes: outermost };
    const { range, decodeOffset } = description;
    const scopes = decodeOffset === undefined ? undefined : await this.scopesFrom(found, decodeOffset);
    return { range, scopes: scopes ?? outermost };
  }

  private async scopesFrom(found: FoundCompiled, decodeOffset: number): Promise<InlinedScope[] | undefined> {
    const scopes: InlinedScope[] = [];
    for (let at = decodeOffset; at !== 0 && scopes.length < MAX_DEPTH;) {
      const scope = await this.scope(found, at);
      // Callers were written before what they inline: an offset that is not lower goes round.
      if (scope === undefined || scope.sender >= at) return undefined;
      scopes.push(scope.inlined);
      at = scope.sender;
    }
    return scopes.at(-1)?.method === found.method ? scopes : undefined;
  }

  private async scope(
    { scopes, metadata }: FoundCompiled,
    at: number,
  ): Promise<{ readonly sender: number; readonly inlined: InlinedScope } | undefined> {
    if (at < 0 || at >= scopes.bytes) return undefined;
    const bytes = await this.pages.bytes(scopes.start + at, Math.min(SCOPE_BYTES, scopes.bytes - at));
    if (bytes === undefined) return undefined;
    const stream = new CompressedStream(bytes, this.layout.compressedBias);
    const sender = stream.unsigned();
    const index = stream.unsigned();
    const bci = stream.unsigned();
    if (sender === undefined || index === undefined || bci === undefined) return undefined;
    if (index === 0 || index * WORD > metadata.bytes || bci > 65_536) return undefined;
    const method = await this.pages.u64(metadata.start + (index - 1) * WORD);
    return method === undefined ? undefined : { sender, inlined: { method, bci: bci - 1 } };
  }

  /**
   * Where the scope of the first descriptor behind an instruction lies, if there is one, and the instructions for which it is the first.
   * Undefined where the descriptors cannot be read.
   */
  private async descriptionOf(
    { pcs, frameComplete }: FoundCompiled,
    position: number,
  ): Promise<{ readonly range: Extent; readonly decodeOffset: number | undefined } | undefined> {
    const bytes = pcs.bytes < PC_DESC_BYTES ? undefined : await this.pages.bytes(pcs.start, pcs.bytes);
    if (bytes === undefined) return undefined;
    let low = 0;
    let high = Math.floor(bytes.length / PC_DESC_BYTES);
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (bytes.readInt32LE(middle * PC_DESC_BYTES) > position) high = middle;
      else low = middle + 1;
    }
    const pcOffset = (row: number): number =>
      row * PC_DESC_BYTES + PC_DESC_BYTES <= bytes.length ? bytes.readInt32LE(row * PC_DESC_BYTES) : UPPER_LIMIT;
    const range = {
      from: low === 0 ? frameComplete : Math.max(frameComplete, pcOffset(low - 1)),
      limit: pcOffset(low),
    };
    return { range, decodeOffset: range.limit >= UPPER_LIMIT ? undefined : bytes.readInt32LE(low * PC_DESC_BYTES + 4) };
  }

  private places(address: number, header: Buffer): Pick<FoundCompiled, "pcs" | "scopes" | "metadata"> {
    const { scopes, metadata, scopesPcs, scopesPcsEnd } = this.layout.nmethod;
    const metadataStart = this.metadataStart(address, header);
    if (scopes.kind === "immutable") {
      const base = u64At(header, scopes.pointer);
      const [pcs, data, end] = [scopesPcs, scopes.data, scopes.size].map((at) => header.readInt32LE(at));
      return {
        pcs: section(base + pcs, data - pcs, MAX_PCS_BYTES),
        scopes: section(base + data, end - data, MAX_SCOPES_BYTES),
        metadata: metadataStart,
      };
    }
    const pcs = address + header.readInt32LE(scopesPcs);
    const data = scopes.kind === "pointer" ? u64At(header, scopes.pointer) : address + header.readInt32LE(scopes.data);
    return {
      pcs: section(pcs, address + header.readInt32LE(scopesPcsEnd) - pcs, MAX_PCS_BYTES),
      scopes: section(data, pcs - data, MAX_SCOPES_BYTES),
      metadata:
        metadata.kind === "header"
          ? section(metadataStart.start, data - metadataStart.start, MAX_METADATA_BYTES)
          : metadataStart,
    };
  }

  private metadataStart(address: number, header: Buffer): Section {
    const { metadata } = this.layout.nmethod;
    switch (metadata.kind) {
      case "header":
        return section(address + header.readInt32LE(metadata.offset), MAX_METADATA_BYTES, MAX_METADATA_BYTES);
      case "data": {
        const start = address + header.readInt32LE(metadata.dataOffset) + header.readUInt16LE(metadata.offset);
        return section(start, MAX_METADATA_BYTES, MAX_METADATA_BYTES);
      }
      case "mutable": {
        const relocations = header.readInt32LE(metadata.relocationSize);
        const size = header.readInt32LE(metadata.size) - relocations;
        return section(u64At(header, metadata.pointer) + relocations, size, MAX_METADATA_BYTES);
      }
    }
  }
}

/** Nothing where the size cannot be. */
function section(start: number, bytes: number, most: number): Section {
  return { start, bytes: bytes > 0 && bytes <= most ? bytes : 0 };
}
