import { hotspotFrame } from "../../native/abi.generated.js";

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

/** Every frame has a cookie of so many values. */
const FRAME_COOKIES = 2 ** 28;
const UPPER_BITS = 16;

/** 44 bits, as the kernel side makes them. */
export function methodCookie(identity: MethodIdentity): number {
  const upper = methodHash(1, identity) % 2 ** UPPER_BITS;
  return upper * FRAME_COOKIES + (methodHash(0, identity) % FRAME_COOKIES);
}

/** Of a piece of code that is no method's: its size, and where its instructions begin. 28 bits. */
export function blobCookie(size: number, codeBegin: number): number {
  return mix(mix(0, size), codeBegin) % FRAME_COOKIES;
}

/** The whole cookie of what a frame points to: an interpreted frame has the upper bits above its bytecode's index. */
export function wholeCookie(type: number, cookie: number, position: number): number {
  return type === hotspotFrame.interpreted ? (position >>> UPPER_BITS) * FRAME_COOKIES + cookie : cookie;
}

/** Where in what it points to a frame is: a bytecode's index, or an instruction's distance from its code's start. */
export function ownPosition(type: number, position: number): number {
  return type === hotspotFrame.interpreted ? position % 2 ** UPPER_BITS : position;
}

function methodHash(
  seed: number,
  { constMethod, nameSymbol, classSymbol, nameHash, classHash }: MethodIdentity,
): number {
  const hash = mix(mix(mix(seed, constMethod), nameSymbol), classSymbol);
  return mix(hash, nameHash | (classHash << 16));
}

/** The lower 32 bits of both. */
function mix(hash: number, value: number): number {
  const product = Math.imul(hash ^ (value % 2 ** 32), 0x9e3779b1) >>> 0;
  return (product ^ (product >>> 15)) >>> 0;
}
