import type { Heap, HeapObject } from "./heap.js";

/** From V8's instance-type.h: what a string's instance type says, alike in every version. */
const NOT_STRING = 0xff80;
const REPRESENTATION = 7;
const ONE_BYTE = 8;
const UNCACHED = 16;
const SEQUENTIAL = 0;
const CONS = 1;
const EXTERNAL = 2;
const SLICED = 3;
const THIN = 5;

const LENGTH = 12;
/** Characters; or what another string is; of an external one its resource, then where its characters are. */
const BODY = 16;
const SECOND = 24;
const RESOURCE_DATA = 24;
const HEAD_BYTES = 160;
/** Strings that one is made of. */
const MAX_PARTS = 64;

/** Where characters lie. */
export interface Characters {
  readonly address: number;
  readonly length: number;
  readonly isOneByte: boolean;
}

/** The text of a string, of each representation, its first characters; undefined where it cannot be read. */
export async function readString(
  heap: Heap,
  address: number | undefined,
  maxCharacters: number,
): Promise<string | undefined> {
  let text = "";
  let parts = 0;
  /** Of each the string and which of its characters: the one to read next is the last. */
  const waiting: { at: number | undefined; from: number; length: number }[] = [
    { at: address, from: 0, length: maxCharacters },
  ];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (text.length >= maxCharacters) break;
    const { at, from, length: wanted } = next;
    if (++parts > MAX_PARTS) return undefined;
    const string = await heap.object(at, HEAD_BYTES);
    const length = string === undefined ? undefined : stringLength(string);
    if (string === undefined || length === undefined || from > length) return undefined;
    const count = Math.min(wanted, length - from, maxCharacters - text.length);
    if (count <= 0) continue;
    switch (string.type & REPRESENTATION) {
      case THIN:
        waiting.push({ at: string.pointer(BODY), from, length: count });
        break;
      case SLICED:
        waiting.push({ at: string.pointer(BODY), from: from + (string.smi(SECOND) ?? NaN), length: count });
        break;
      case CONS: {
        const first = await heap.object(string.pointer(BODY), BODY);
        const firstLength = first === undefined ? undefined : stringLength(first);
        if (firstLength === undefined) return undefined;
        if (from + count > firstLength) {
          const skipped = Math.max(0, from - firstLength);
          const taken = Math.max(0, firstLength - from);
          waiting.push({ at: string.pointer(SECOND), from: skipped, length: count - taken });
        }
        if (from < firstLength) {
          waiting.push({ at: string.pointer(BODY), from, length: Math.min(count, firstLength - from) });
        }
        break;
      }
      default: {
        const piece = await readFlat(heap, string, from, count);
        if (piece === undefined) return undefined;
        text += piece;
      }
    }
  }
  return text;
}

/** Where the characters of a string lie that is in one piece; undefined of one that is not, or is no string. */
export async function findCharacters(heap: Heap, address: number | undefined): Promise<Characters | undefined> {
  let at = address;
  for (let parts = 0; parts < MAX_PARTS; parts++) {
    const string = await heap.object(at, BODY + 16);
    const length = string === undefined ? undefined : stringLength(string);
    if (string === undefined || length === undefined) return undefined;
    const representation = string.type & REPRESENTATION;
    if (representation === THIN) at = string.pointer(BODY);
    else if (representation === CONS) {
      // One that was made flat has all in its first part.
      const first = await heap.object(string.pointer(BODY), BODY);
      if (first === undefined || stringLength(first) !== length) return undefined;
      at = string.pointer(BODY);
    } else return flatCharacters(string, length);
  }
  return undefined;
}

export function isString({ type }: HeapObject): boolean {
  return (type & NOT_STRING) === 0;
}

function stringLength(string: HeapObject): number | undefined {
  return isString(string) ? string.u32(LENGTH) : undefined;
}

function flatCharacters(string: HeapObject, length: number): Characters | undefined {
  const isOneByte = (string.type & ONE_BYTE) !== 0;
  const representation = string.type & REPRESENTATION;
  if (representation === SEQUENTIAL) return { address: string.address + BODY, length, isOneByte };
  if (representation !== EXTERNAL || (string.type & UNCACHED) !== 0) return undefined;
  const data = string.raw(RESOURCE_DATA);
  return data === undefined || data === 0 ? undefined : { address: data, length, isOneByte };
}

async function readFlat(heap: Heap, string: HeapObject, from: number, count: number): Promise<string | undefined> {
  const characters = flatCharacters(string, count);
  if (characters === undefined) return undefined;
  const width = characters.isOneByte ? 1 : 2;
  const start = characters.address + from * width;
  const inHead = start - string.address;
  const bytes =
    inHead >= BODY && string.has(inHead, count * width)
      ? string.slice(inHead, count * width)
      : await heap.bytes(start, count * width);
  if (bytes?.length !== count * width) return undefined;
  return bytes.toString(characters.isOneByte ? "latin1" : "utf16le");
}
