import { demangleItanium } from "./itanium.js";
import { MAX_OUTPUT } from "./limits.js";
import { demangleRustLegacy } from "./rust-legacy.js";
import { demangleRustV0 } from "./rust-v0.js";

/** Longest mangled name that is read; the longest seen in V8, LLVM and rustc have 4 KiB. */
const MAX_INPUT = 32 * 1024;

/** Go writes out the types that code of a generic function is shared by; its own tools leave them out. */
const GO_SHAPE = "[go.shape.";

/**
 * The readable form of a symbol's name: C++ (Itanium ABI), Rust (v0 and legacy), Go's generic functions; others stay as they are. Symbol versions
 * (`memcpy@@GLIBC_2.14`) are dropped, `@plt` stays. At most {@link MAX_OUTPUT} characters, in bounded time.
 */
export function demangle(systemName: string): string {
  if (systemName.includes(GO_SHAPE)) return truncated(systemName.replace(/\[.*\]/, "[...]"));
  if (!systemName.startsWith("_") && !systemName.includes("@") && systemName.length <= MAX_OUTPUT) return systemName;
  if (systemName.length > MAX_INPUT) return truncated(systemName);
  const at = systemName.indexOf("@", 1);
  const mangled = at < 0 ? systemName : systemName.slice(0, at);
  const stub = systemName.endsWith("@plt") ? "@plt" : "";
  // A legacy Rust name is a C++ name too, with the hash as a function's.
  const name = demangleRustV0(mangled) ?? demangleRustLegacy(mangled) ?? demangleItanium(mangled);
  return truncated(name ?? mangled) + stub;
}

function truncated(name: string): string {
  return name.length <= MAX_OUTPUT ? name : `${name.slice(0, MAX_OUTPUT - 1)}…`;
}
