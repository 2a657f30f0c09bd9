import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { abiFingerprint } from "./abi.generated.js";
import type { Addon, NativeError } from "./addon.js";

/** The addon, and where the BPF object lies that was built with it. */
export interface Native {
  readonly addon: Addon;
  /** For {@link SessionOptions.objectPath}. */
  readonly objectPath: string;
}

const productDirectory = "build/native";
const addonFile = "hostflame.node";
const objectFile = "hostflame.bpf.o";

/**
 * Loads the addon of this package. Throws an Error whose message is one sentence that says what to do when it is not
 * built, or was built from other sources than this TypeScript.
 *
 * Both products are in build/native/ of the package, in a checkout as in a container image; this file is in dist/, at
 * a depth that bundling changes, so the package is the nearest directory above that has them.
 */
export function loadNative(directory = findProducts(dirname(fileURLToPath(import.meta.url)))): Native {
  const addonPath = directory === undefined ? undefined : join(directory, addonFile);
  if (directory === undefined || addonPath === undefined || !existsSync(addonPath)) {
    throw new Error(`The native addon is not built: run "npm run build".`);
  }
  const objectPath = join(directory, objectFile);
  if (!existsSync(objectPath)) {
    throw new Error(`The BPF object is not built: run "npm run build".`);
  }
  const addon = createRequire(import.meta.url)(addonPath) as Addon;
  if (addon.abiFingerprint !== abiFingerprint) {
    throw new Error(
      `The native addon was built from another version of bpf/abi.h or bpf/stats.h: run "npm run build" ` +
        `(${addon.abiFingerprint}, and not ${abiFingerprint}).`,
    );
  }
  return { addon, objectPath };
}

export function isNativeError(error: unknown): error is NativeError {
  return error instanceof Error && error.name === "NativeError" && "code" in error && "operation" in error;
}

function findProducts(start: string): string | undefined {
  for (let directory = start; ; directory = dirname(directory)) {
    const products = join(directory, productDirectory);
    if (existsSync(join(products, addonFile))) return products;
    if (dirname(directory) === directory) return undefined;
  }
}
