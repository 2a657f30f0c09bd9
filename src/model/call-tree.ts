import { frameKey, frameTable, type Frame } from "./frame-table.js";
import type { CodeKind, Profile } from "./profile.js";

/** What a node stands for: the whole profile, one command's processes, a function, or one inlined into its parent's. */
export interface TreeLabel {
  readonly name: string;
  readonly kind: CodeKind | "inlined" | "all" | "process";
  readonly where: string;
}

/**
 * Stacks merged by their frames, root first, as columns in preorder: node 0 is everything, its children are the
 * commands, theirs the root frames. A node's descendants follow it directly, so its next sibling is i + size[i].
 */
export interface CallTree {
  readonly length: number;
  /** Entry 0 is the label of node 0. */
  readonly labels: readonly TreeLabel[];
  /** Index into labels. */
  readonly label: Uint32Array;
  /** Node 0 has depth 0. */
  readonly depth: Uint32Array;
  /** Nodes of the subtree, itself included. */
  readonly size: Uint32Array;
  /** Ticks whose leaf this is: samples, each as many times as ticks it stands for. */
  readonly self: Float64Array;
  /** Ticks that pass through. */
  readonly total: Float64Array;
}

export interface CallTreeOptions {
  /** Frames with the same text are one node under one parent. */
  readonly keyOf?: (frame: Frame) => string;
  /** Text of a command; commands with the same text are one node. */
  readonly commText?: (comm: string) => string;
  /** Order of siblings. */
  readonly order: "name" | "heaviest-first";
}

/** Merges the profile's stacks. Time and memory grow with the frames of all distinct stacks. */
export function callTree(profile: Profile, options: CallTreeOptions): CallTree {
  const table = frameTable(profile, options.keyOf ?? frameKey);
  const comms = commLabels(profile, options.commText ?? ((comm) => comm));
  const firstFrame = 1 + comms.labels.length;
  const labels: TreeLabel[] = [{ name: "all", kind: "all", where: "" }, ...comms.labels];
  const texts = labels.map(({ name }) => name);
  for (const frame of table.frames) {
    const { name, kind, inlined, where } = frame;
    labels.push({ name, kind: inlined ? "inlined" : kind, where });
    // Of frames with one text the label is the first one's: only by what they have in common is their order everyone's.
    texts.push(options.keyOf?.(frame) ?? name);
  }

  const nodes = new GrowingTree(profile.stacks.locations.length);
  const { stacks, samples } = profile;
  for (let row = 0; row < samples.length; row++) {
    let node = nodes.child(0, 1 + comms.ofThread[samples.thread[row]]);
    const stack = samples.stack[row];
    const leaf = stacks.offsets[stack];
    for (let i = stacks.offsets[stack + 1] - 1; i >= leaf; i--) {
      const location = stacks.locations[i];
      const innermost = table.offsets[location];
      for (let j = table.offsets[location + 1] - 1; j >= innermost; j--) {
        node = nodes.child(node, firstFrame + table.indices[j]);
      }
    }
    nodes.self[node] += samples.ticks[row];
  }
  return nodes.finish(labels, texts, options.order);
}

function commLabels(profile: Profile, textOf: (comm: string) => string) {
  const labels: TreeLabel[] = [];
  const byText = new Map<string, number>();
  const ofThread = new Uint32Array(profile.threads.length);
  for (const [thread, { comm }] of profile.threads.entries()) {
    const text = textOf(comm);
    let index = byText.get(text);
    if (index === undefined) {
      index = labels.push({ name: text, kind: "process", where: "" }) - 1;
      byText.set(text, index);
    }
    ofThread[thread] = index;
  }
  return { labels, ofThread };
}

/** The tree while it grows: nodes in order of first meeting, found by (parent, label) in an open hash table. */
class GrowingTree {
  self: Float64Array;
  #parent: Uint32Array;
  #label: Uint32Array;
  #slots: Uint32Array;
  #length = 1;

  constructor(framesExpected: number) {
    // Distinct stacks share most of their frames; a quarter is where real profiles land, growth covers the rest.
    const capacity = 2 ** Math.ceil(Math.log2(Math.max(1024, framesExpected / 4)));
    this.self = new Float64Array(capacity);
    this.#parent = new Uint32Array(capacity);
    this.#label = new Uint32Array(capacity);
    this.#slots = new Uint32Array(capacity * 2);
  }

  /** The child of the node with this label, made when it is not there. */
  child(parent: number, label: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash(parent, label) & mask;
    // Slot 0 means empty: node 0 is nobody's child.
    for (let node; (node = this.#slots[slot]!) !== 0; slot = (slot + 1) & mask) {
      if (this.#parent[node] === parent && this.#label[node] === label) return node;
    }
    if (this.#length === this.#parent.length) {
      this.#grow();
      return this.child(parent, label);
    }
    const node = this.#length++;
    this.#parent[node] = parent;
    this.#label[node] = label;
    this.#slots[slot] = node;
    return node;
  }

  #grow(): void {
    const capacity = this.#parent.length * 2;
    this.self = widened(new Float64Array(capacity), this.self);
    this.#parent = widened(new Uint32Array(capacity), this.#parent);
    this.#label = widened(new Uint32Array(capacity), this.#label);
    this.#slots = new Uint32Array(capacity * 2);
    const mask = this.#slots.length - 1;
    for (let node = 1; node < this.#length; node++) {
      let slot = hash(this.#parent[node], this.#label[node]) & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = node;
    }
  }

  /** The columns in preorder, siblings ordered, of the same weight by their labels' texts. */
  finish(labels: readonly TreeLabel[], texts: readonly string[], order: CallTreeOptions["order"]): CallTree {
    const length = this.#length;
    const parent = this.#parent;
    const total = this.self.slice(0, length);
    const size = new Uint32Array(length).fill(1);
    // A child is always younger than its parent.
    for (let node = length - 1; node > 0; node--) {
      total[parent[node]] += total[node];
      size[parent[node]] += size[node];
    }
    const rank = ranks(labels, texts);
    const byName = (a: number, b: number) => rank[this.#label[a]] - rank[this.#label[b]];
    const children = this.#children(order === "name" ? byName : (a, b) => total[b] - total[a] || byName(a, b));

    const tree = {
      length,
      labels,
      label: new Uint32Array(length),
      depth: new Uint32Array(length),
      size: new Uint32Array(length),
      self: new Float64Array(length),
      total: new Float64Array(length),
    };
    const place = new Uint32Array(length);
    // Parents are older than children, so each node's place is known before its children's places are dealt out.
    for (let node = 0; node < length; node++) {
      const to = place[node];
      tree.label[to] = this.#label[node]!;
      tree.size[to] = size[node]!;
      tree.self[to] = this.self[node]!;
      tree.total[to] = total[node]!;
      let next = to + 1;
      for (let i = children.offsets[node]; i < children.offsets[node + 1]; i++) {
        const child = children.nodes[i];
        place[child] = next;
        tree.depth[next] = tree.depth[to] + 1;
        next += size[child];
      }
    }
    return tree;
  }

  /** Children of node n, in order: nodes[offsets[n] .. offsets[n + 1]). */
  #children(compare: (a: number, b: number) => number) {
    const offsets = new Uint32Array(this.#length + 1);
    for (let node = 1; node < this.#length; node++) offsets[this.#parent[node] + 1]++;
    for (let node = 0; node < this.#length; node++) offsets[node + 1] += offsets[node];
    const nodes = new Uint32Array(this.#length - 1);
    const next = offsets.slice();
    for (let node = 1; node < this.#length; node++) nodes[next[this.#parent[node]]++] = node;
    for (let node = 0; node < this.#length; node++) {
      const [from, to] = [offsets[node], offsets[node + 1]];
      if (to - from > 1) nodes.subarray(from, to).sort(compare);
    }
    return { offsets, nodes };
  }
}

function hash(parent: number, label: number): number {
  let h = Math.imul(parent, 0x9e3779b1) ^ Math.imul(label, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return h ^ (h >>> 13);
}

function widened<T extends Float64Array | Uint32Array>(wide: T, narrow: T): T {
  wide.set(narrow);
  return wide;
}

/** Place of each label in the order of texts (by code unit: the same on every machine), then files, then kinds. */
function ranks(labels: readonly TreeLabel[], texts: readonly string[]): Uint32Array {
  const order = labels.map((_, index) => index);
  order.sort((a, b) => compareText(texts[a], texts[b]) || compareLabels(labels[a], labels[b]));
  const rank = new Uint32Array(labels.length);
  for (const [place, index] of order.entries()) rank[index] = place;
  return rank;
}

function compareLabels(a: TreeLabel, b: TreeLabel): number {
  return compareText(a.where, b.where) || compareText(a.kind, b.kind);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
