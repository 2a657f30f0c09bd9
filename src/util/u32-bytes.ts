/** A number as the four bytes of it that the kernel's maps and constants have: a u32 in the byte order of the machine. */
export function u32Bytes(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
