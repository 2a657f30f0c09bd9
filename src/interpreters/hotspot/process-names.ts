import { hotspotFrame } from "../../native/abi.generated.js";
import type { Chain } from "./chain.js";
import { CompiledReader } from "./compiled-reader.js";
import { lineOf } from "./line-table.js";
import { type Memory, MemoryPages } from "../memory-pages.js";
import { type FoundMethod, type MethodName, MethodReader } from "./method-reader.js";
import type { HotspotNameLayout } from "./name-layout.js";
import { PlacedChains } from "./placed-chains.js";
import { readStubName } from "./stub-reader.js";
import { type HotspotMiss, type Thing, Things } from "./things.js";

/** Positions of one compiled method that are read: more than any has calls in one window. */
const MAX_POSITIONS = 4096;
/** Things of one process that are remembered or wait: beyond, a hostile one takes its own names only. */
const MAX_THINGS = 100_000;
const METHOD_BYTES = 240;

/** A method's name, by the cookie of the method that lies at an address. */
interface NamedMethod {
  readonly cookie: number;
  readonly name: MethodName;
  window: number;
}

/** A method that was read in a turn, believed once it was found the same again. */
interface FreshMethod {
  readonly found: FoundMethod;
  readonly name: MethodName;
}

/** What a turn made of a thing, to be believed when it and its methods are still what they were. */
interface Draft {
  readonly thing: Thing;
  /** Asked when what was read before is forgotten. */
  readonly isStill: () => Promise<boolean>;
  /** Addresses of the methods that it tells of. */
  readonly methods: readonly number[];
  readonly take: () => void;
}

/** The names of one process's frames: what is known of them, and what is still to be read. */
export class ProcessNames {
  private readonly things = new Things();
  private readonly methods = new Map<number, NamedMethod>();
  private methodBytes = 0;
  private readonly pending = new Set<Thing>();

  constructor(private readonly layout: HotspotNameLayout) {}

  get isWaiting(): boolean {
    return this.pending.size > 0;
  }

  /** Things remembered, and methods; and the memory that they take. */
  get size(): number {
    return this.things.size + this.methods.size;
  }

  get bytes(): number {
    return this.things.bytes + this.methodBytes;
  }

  /** A frame was met: what it points to is read in one of the next turns, if that is not known. */
  want(type: number, address: number, cookie: number, position: number, window: number): void {
    let thing = this.things.find(type, address, cookie);
    if (thing === undefined) {
      if (this.things.size >= MAX_THINGS) return;
      thing = this.things.add(type, address, cookie, window);
      this.pending.add(thing);
    }
    thing.window = window;
    if (thing.miss === "over-budget") {
      thing.miss = undefined; // its turn may come now
      this.pending.add(thing);
    }
    // What lies there is another by now, or cannot be read: that does not change.
    if (thing.miss !== undefined || type !== hotspotFrame.compiled || thing.chains.find(position)) return;
    if (thing.wanted.size + thing.chains.size >= MAX_POSITIONS) return;
    thing.wanted.add(position);
    this.pending.add(thing);
  }

  /** What a frame tells; why nothing. */
  chainOf(type: number, address: number, cookie: number, position: number): Chain | HotspotMiss {
    const thing = this.things.find(type, address, cookie);
    if (thing === undefined) return "over-budget";
    const { method, chains, miss } = thing;
    if (method !== undefined) return [{ method, line: lineOf(method.lines, position) }];
    return chains.find(position) ?? miss ?? "not-in-time";
  }

  /** Nothing more is read in this window: what waits has that reason. */
  giveUp(miss: HotspotMiss): void {
    for (const thing of this.pending) {
      thing.wanted.clear();
      thing.miss = miss;
    }
    this.pending.clear();
  }

  /** Forgets what no window since that one has met. */
  forgetBefore(window: number): void {
    this.things.forgetBefore(window);
    for (const [address, method] of this.methods) {
      if (method.window >= window) continue;
      this.methods.delete(address);
      this.methodBytes -= bytesOf(method.name);
    }
  }

  /** Reads some of what waits; how many reads of the process it took. Never throws. */
  async turn(memory: Memory, most: number, window: number): Promise<number> {
    const pages = new MemoryPages(memory);
    const turn = new Turn(pages, this.layout, this.methods);
    const things = [...this.pending].slice(0, most);
    // All at once: what they ask for at the same time is read together.
    const drafts = await Promise.all(
      things.map((thing) => {
        this.pending.delete(thing);
        // Some were asked for while what tells of them was being read.
        const positions = [...thing.wanted].filter((position) => thing.chains.find(position) === undefined);
        thing.wanted.clear();
        return this.draft(turn, thing, positions);
      }),
    );
    pages.forget();
    const believed = await turn.believedMethods();
    await Promise.all(
      drafts.map(async (draft, at) => {
        if (typeof draft === "string") {
          things[at].miss = draft;
          return;
        }
        const { thing, methods } = draft;
        // After the methods: compiled code is freed before what it was compiled from.
        if (methods.every((method) => believed.has(method)) && (await draft.isStill())) draft.take();
        else thing.miss = "reused";
      }),
    );
    for (const [address, named] of believed) this.remember(address, named, window);
    return pages.reads;
  }

  private async draft(turn: Turn, thing: Thing, positions: readonly number[]): Promise<Draft | HotspotMiss> {
    const { type, address, cookie } = thing;
    switch (type) {
      case hotspotFrame.interpreted: {
        const found = await turn.methodAt(address);
        if (found === undefined) return "unreadable";
        if (found.cookie !== cookie) return "reused";
        const take = (): void => void (thing.method = found.name);
        return { thing, isStill: () => Promise.resolve(true), methods: [address], take };
      }
      case hotspotFrame.compiled:
        return this.draftCompiled(turn, thing, positions);
      case hotspotFrame.stub: {
        const name = await readStubName(turn.pages, this.layout, address, cookie);
        if (name === undefined) return "reused";
        const method = { name, fileName: "", startLine: 0, lines: new Uint16Array(0) };
        const again = async (): Promise<boolean> =>
          (await readStubName(turn.pages, this.layout, address, cookie)) === name;
        return { thing, isStill: again, methods: [], take: () => void (thing.method = method) };
      }
      default:
        return "unreadable";
    }
  }

  private async draftCompiled(turn: Turn, thing: Thing, positions: readonly number[]): Promise<Draft | HotspotMiss> {
    const compiled = await turn.compiled.find(thing.address, thing.cookie);
    if (compiled === undefined) return "reused";
    const chains = new PlacedChains();
    const methods = new Set<number>();
    for (const position of positions) {
      if (chains.find(position) !== undefined) continue;
      const chain = [];
      const { range, scopes } = await turn.compiled.scopesAt(compiled, position);
      for (const { method, bci } of scopes) {
        const named = await turn.methodAt(method);
        if (named === undefined) return "unreadable";
        methods.add(method);
        chain.push({ method: named.name, line: lineOf(named.name.lines, bci) });
      }
      chains.add(range, chain);
    }
    const take = (): void => {
      for (const { chain, ...range } of chains) this.things.addChain(thing, range, chain);
    };
    return { thing, isStill: () => turn.compiled.isStill(compiled), methods: [...methods], take };
  }

  private remember(address: number, { cookie, name }: Omit<NamedMethod, "window">, window: number): void {
    const known = this.methods.get(address);
    if (known?.name === name) {
      known.window = window;
      return;
    }
    if (known !== undefined) this.methodBytes -= bytesOf(known.name);
    this.methods.set(address, { cookie, name, window });
    this.methodBytes += bytesOf(name);
  }
}

function bytesOf({ name, fileName, lines }: MethodName): number {
  return METHOD_BYTES + name.length + fileName.length + lines.byteLength;
}

/** One turn's reading: each method once. */
class Turn {
  readonly compiled: CompiledReader;
  private readonly reader: MethodReader;
  private readonly fresh = new Map<number, Promise<FreshMethod | undefined>>();

  constructor(
    readonly pages: MemoryPages,
    layout: HotspotNameLayout,
    private readonly known: ReadonlyMap<number, NamedMethod>,
  ) {
    this.reader = new MethodReader(pages, layout);
    this.compiled = new CompiledReader(pages, layout);
  }

  /** The method that lies at an address now. */
  async methodAt(address: number): Promise<Omit<NamedMethod, "window"> | undefined> {
    let reading = this.fresh.get(address);
    if (reading === undefined) this.fresh.set(address, (reading = this.readMethod(address)));
    const fresh = await reading;
    return fresh && { cookie: fresh.found.cookie, name: fresh.name };
  }

  private async readMethod(address: number): Promise<FreshMethod | undefined> {
    const found = await this.reader.find(address);
    if (found === undefined) return undefined;
    const known = this.known.get(address);
    const name = known?.cookie === found.cookie ? known.name : await this.reader.read(found);
    return name && { found, name };
  }

  /** Those of the turn that are still what they were. */
  async believedMethods(): Promise<Map<number, Omit<NamedMethod, "window">>> {
    const believed = new Map<number, Omit<NamedMethod, "window">>();
    await Promise.all(
      Array.from(this.fresh, async ([address, reading]) => {
        const fresh = await reading;
        if (fresh === undefined) return;
        const again = await this.reader.find(address);
        if (again?.cookie === fresh.found.cookie) believed.set(address, { cookie: again.cookie, name: fresh.name });
      }),
    );
    return believed;
  }
}
