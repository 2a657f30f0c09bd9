/** What tells apart the methods that lie at one address, one after the other (bpf/interpreters/hotspot_layout.h). */
export interface MethodIdentity {
  /** Addresses. */
  readonly constMethod: number;
  readonly nameSymbol: number;
  readonly classSymbol: number;
  /** Random numbers of 16 bits, which the symbols were given when they were made. */
  readonly nameHash: number;
  readonly classHash: number;
}

/** 28 bits, as the kernel side makes them. */
export function methodCookie(identity: MethodIdentity): number {
  let hash = mix(0, identity.constMethod);
  hash = mix(hash, identity.nameSymbol);
  hash = mix(hash, identity.classSymbol);
  hash = mix(hash, identity.nameHash | (identity.classHash << 16));
  return hash & 0xfff_ffff;
}

/** Of a piece of code that is no method's: its size, and where its instructions begin. */
export function blobCookie(size: number, codeBegin: number): number {
  return mix(mix(0, size), codeBegin) & 0xfff_ffff;
}

/** The lower 32 bits of both. */
function mix(hash: number, value: number): number {
  const product = Math.imul(hash ^ (value % 2 ** 32), 0x9e3779b1) >>> 0;
  return (product ^ (product >>> 15)) >>> 0;
}
