import type { FakeHeap } from "./fake-heap.js";

/** Instance types of strings that are not internalized. */
const stringType = { twoByte: 32, oneByte: 40, cons: 41, external: 42, sliced: 43, thin: 45 } as const;

export function flatString(heap: FakeHeap, text: string): number {
  const isOneByte = /^[\0-\xff]*$/.test(text);
  const bytes = Buffer.from(text, isOneByte ? "latin1" : "utf16le");
  const address = heap.object(isOneByte ? stringType.oneByte : stringType.twoByte, 16 + bytes.length);
  heap.u32(address + 12, text.length);
  heap.put(address + 16, bytes);
  return address;
}

export function consString(heap: FakeHeap, first: number, second: number, length: number): number {
  const address = heap.object(stringType.cons, 32);
  heap.u32(address + 12, length);
  heap.words(address + 16, { to: first }, { to: second });
  return address;
}

export function slicedString(heap: FakeHeap, parent: number, offset: number, length: number): number {
  const address = heap.object(stringType.sliced, 32);
  heap.u32(address + 12, length);
  heap.words(address + 16, { to: parent }, { smi: offset });
  return address;
}

export function thinString(heap: FakeHeap, actual: number, length: number): number {
  const address = heap.object(stringType.thin, 24);
  heap.u32(address + 12, length);
  heap.words(address + 16, { to: actual });
  return address;
}

export function externalString(heap: FakeHeap, text: string): number {
  const data = heap.outside(Buffer.from(text, "latin1"));
  const address = heap.object(stringType.external, 32);
  heap.u32(address + 12, text.length);
  heap.words(address + 16, { raw: data + 0x100 }, { raw: data });
  return address;
}
