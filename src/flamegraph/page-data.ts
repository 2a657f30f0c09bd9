import type { CallTree, TreeLabel } from "../model/call-tree.js";

/**
 * What flamegraph.html carries: a JSON head and the tree as three columns of varints, so that a million nodes are a
 * few bytes each and become typed arrays without an object a node. Written by page.ts, read by the viewer: this file
 * runs in both places and uses nothing that either lacks.
 *
 * Layout: u32 little endian length of the head, the head (UTF-8 JSON), then for all nodes in preorder their labels,
 * then how many levels each climbs before it descends one, then their self counts.
 */
export interface PageHead {
  readonly about: PageFacts;
  /** Nodes of the tree. */
  readonly nodes: number;
  /** Parallel columns, one entry a label: name, index into files, index into kinds. */
  readonly names: readonly string[];
  readonly files: readonly string[];
  readonly fileOf: readonly number[];
  readonly kinds: readonly TreeLabel["kind"][];
  readonly kindOf: readonly number[];
}

/** What the page's header shows. */
export interface PageFacts {
  readonly host: string;
  readonly tool: string;
  readonly timeMs: number;
  readonly durationMs: number;
  /** CPU time that one count of the tree stands for. */
  readonly periodNs: number;
}

export interface PageData {
  readonly about: PageFacts;
  readonly tree: CallTree;
}

/** Longer varints are a broken file. Counts stay below 2^53, which is eight groups of seven bits. */
const MAX_VARINT_BYTES = 8;

export function encodePageData({ about, tree }: PageData): Uint8Array {
  const files = new Columns<string>();
  const kinds = new Columns<TreeLabel["kind"]>();
  const head: PageHead = {
    about,
    nodes: tree.length,
    names: tree.labels.map((label) => label.name),
    fileOf: tree.labels.map((label) => files.indexOf(label.where)),
    files: files.values,
    kindOf: tree.labels.map((label) => kinds.indexOf(label.kind)),
    kinds: kinds.values,
  };
  const json = new TextEncoder().encode(JSON.stringify(head));
  const writer = new VarintWriter(4 + json.length + tree.length * 4);
  writer.bytesFirst(json);
  for (let node = 0; node < tree.length; node++) writer.put(tree.label[node]);
  // The root descends from level -1 to 0; every other node from its parent's level.
  for (let node = 0, level = -1; node < tree.length; node++) {
    writer.put(level + 1 - tree.depth[node]);
    level = tree.depth[node]!;
  }
  for (let node = 0; node < tree.length; node++) writer.put(tree.self[node]);
  return writer.finish();
}

/** Throws an Error with a sentence when the bytes are not such data. */
export function decodePageData(bytes: Uint8Array): PageData {
  const headLength = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + headLength))) as PageHead;
  const length = head.nodes;
  const reader = new VarintReader(bytes, 4 + headLength);

  const label = new Uint32Array(length);
  const depth = new Uint32Array(length);
  const size = new Uint32Array(length).fill(1);
  const self = new Float64Array(length);
  for (let node = 0; node < length; node++) label[node] = reader.next();
  for (let node = 0, level = -1; node < length; node++) depth[node] = level = level + 1 - reader.next();
  for (let node = 0; node < length; node++) self[node] = reader.next();

  const total = self.slice();
  const path: number[] = [];
  const close = (node: number) => {
    const parent = path[depth[node] - 1];
    if (parent === undefined) return;
    total[parent] += total[node];
    size[parent] += size[node];
  };
  for (let node = 0; node < length; node++) {
    for (let level = path.length - 1; level >= depth[node]; level--) close(path.pop()!);
    path.push(node);
  }
  while (path.length > 0) close(path.pop()!);

  const labels = head.names.map((name, index) => {
    return { name, kind: head.kinds[head.kindOf[index]], where: head.files[head.fileOf[index]] };
  });
  return { about: head.about, tree: { length, labels, label, depth, size, self, total } };
}

class Columns<T> {
  readonly values: T[] = [];
  readonly #index = new Map<T, number>();

  indexOf(value: T): number {
    let index = this.#index.get(value);
    if (index === undefined) {
      index = this.values.push(value) - 1;
      this.#index.set(value, index);
    }
    return index;
  }
}

class VarintWriter {
  #bytes: Uint8Array;
  #length = 0;

  constructor(expectedBytes: number) {
    this.#bytes = new Uint8Array(expectedBytes);
  }

  bytesFirst(bytes: Uint8Array): void {
    new DataView(this.#bytes.buffer).setUint32(0, bytes.length, true);
    this.#bytes.set(bytes, 4);
    this.#length = 4 + bytes.length;
  }

  put(value: number): void {
    if (this.#length + MAX_VARINT_BYTES > this.#bytes.length) {
      const wider = new Uint8Array(this.#bytes.length * 2 + MAX_VARINT_BYTES);
      wider.set(this.#bytes);
      this.#bytes = wider;
    }
    let rest = value;
    while (rest >= 128) {
      this.#bytes[this.#length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#length++] = rest;
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}

class VarintReader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  next(): number {
    let value = 0;
    for (let i = 0, scale = 1; i < MAX_VARINT_BYTES; i++, scale *= 128) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new Error("the page's data is cut short");
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw new Error("the page's data is damaged");
  }
}
