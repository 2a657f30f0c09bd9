/** What stands around the items of a list. */
export interface ListEnvelope {
  readonly resourceVersion: string;
  /** Where the next page begins; "" at the last. */
  readonly continueToken: string;
}

export interface ListHandlers {
  /** The JSON text of one item. */
  readonly item: (text: string) => void;
  /** An item above the limit. */
  readonly oversized: (bytes: number) => void;
}

const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];
/** Kind, version and metadata: some two hundred bytes, most of them the continue token. */
const MAX_ENVELOPE_BYTES = 64 << 10;
/** Within the list object; items are one deeper. */
const ITEMS_DEPTH = 2;

/**
 * Cuts a list, `{"metadata": …, "items": [ … ]}`, into its items while it comes in, so that one item is held at a time and
 * never the list: API servers answer a list from their cache whole, whatever page size was asked for. Knows
 * of JSON only what opens and closes; each item is parsed by whoever gets it.
 */
export class ListReader {
  readonly #handlers: ListHandlers;
  readonly #maxItemBytes: number;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #inItems = false;
  /** The item under way: its bytes, and how many there were even if they are not kept. */
  #item: Buffer[] = [];
  #itemBytes = 0;
  #envelope: Buffer[] = [];
  #envelopeBytes = 0;

  constructor(handlers: ListHandlers, maxItemBytes: number) {
    this.#handlers = handlers;
    this.#maxItemBytes = maxItemBytes;
  }

  push(chunk: Buffer): void {
    // Bytes from here on belong to the item under way, or to the envelope.
    let from = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at];
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) this.#inString = false;
      } else if (byte === QUOTE) {
        this.#inString = true;
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        if (this.#inItems && this.#depth === ITEMS_DEPTH) from = at; // commas lie before it
        this.#depth++;
        if (byte === OPEN_BRACKET && this.#depth === ITEMS_DEPTH) {
          this.#take(chunk.subarray(from, at + 1));
          from = at + 1;
          this.#inItems = this.#itemsBegin();
        }
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        this.#depth--;
        if (this.#inItems && this.#depth === ITEMS_DEPTH) {
          this.#take(chunk.subarray(from, at + 1));
          from = at + 1;
          this.#endItem();
        } else if (this.#inItems && this.#depth < ITEMS_DEPTH) {
          this.#inItems = false;
          from = at; // the bracket is the envelope's
        }
      }
    }
    const between = this.#inItems && this.#depth === ITEMS_DEPTH;
    if (!between && from < chunk.length) this.#take(chunk.subarray(from));
  }

  /** After the last byte; undefined when what came was no whole list. */
  end(): ListEnvelope | undefined {
    if (this.#depth !== 0 || this.#inString || this.#envelopeBytes > MAX_ENVELOPE_BYTES) return undefined;
    try {
      const list = JSON.parse(Buffer.concat(this.#envelope).toString("utf8")) as {
        metadata?: { resourceVersion?: unknown; continue?: unknown };
      } | null;
      const { resourceVersion, continue: token } = list?.metadata ?? {};
      if (typeof resourceVersion !== "string" || resourceVersion === "") return undefined;
      return { resourceVersion, continueToken: typeof token === "string" ? token : "" };
    } catch {
      return undefined;
    }
  }

  #take(bytes: Buffer): void {
    if (this.#inItems) {
      this.#itemBytes += bytes.length;
      if (this.#itemBytes <= this.#maxItemBytes) this.#item.push(bytes);
      else this.#item = [];
    } else {
      this.#envelopeBytes += bytes.length;
      if (this.#envelopeBytes <= MAX_ENVELOPE_BYTES) this.#envelope.push(bytes);
      else this.#envelope = [];
    }
  }

  #endItem(): void {
    const [parts, bytes] = [this.#item, this.#itemBytes];
    this.#item = [];
    this.#itemBytes = 0;
    if (bytes > this.#maxItemBytes) this.#handlers.oversized(bytes);
    else this.#handlers.item(Buffer.concat(parts).toString("utf8"));
  }

  /** Whether the bracket just taken opens the items: what stands before it is their name. */
  #itemsBegin(): boolean {
    return /(?<!\\)"items"\s*:\s*\[$/.test(Buffer.concat(this.#envelope).subarray(-64).toString("latin1"));
  }
}
