import type { Heap } from "./heap.js";
import type { HeapLayout } from "./heap-layout.js";

const LENGTH = 8;
const BODY = 16;
/** Tables of one function that are longer are not read. */
const MAX_BYTES = 1 << 20;
const HEAD_BYTES = 272;

/** The bytes of a byte array; undefined where none is. */
export async function readByteArray(
  heap: Heap,
  { types }: HeapLayout,
  address: number | undefined,
): Promise<Buffer | undefined> {
  const array = await heap.object(address, HEAD_BYTES);
  if (array === undefined || !types.byteArrays.includes(array.type)) return undefined;
  return readBody(heap, array, array.smi(LENGTH), BODY);
}

/** So many bytes of an object from there on. */
export async function readBody(
  heap: Heap,
  object: {
    readonly address: number;
    has(offset: number, size: number): boolean;
    slice(offset: number, length: number): Buffer;
  },
  length: number | undefined,
  offset: number,
): Promise<Buffer | undefined> {
  if (length === undefined || length < 0 || length > MAX_BYTES) return undefined;
  if (object.has(offset, length)) return object.slice(offset, length);
  const bytes = await heap.bytes(object.address + offset, length);
  return bytes?.length === length ? bytes : undefined;
}
