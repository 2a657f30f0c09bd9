import { createHmac } from "node:crypto";
import type { Profile, ProfileFunction, ProfileMapping } from "../model/profile.js";

/** Twelve hexadecimal digits: 48 bits, of which a million names leave one pair alike in two hundred nodes. */
const DIGITS = 12;

/** Paths that are no file's: they say nothing of whose code it is. */
const NO_FILE = new Set(["", "[vdso]", "[anon]"]);

/**
 * The profile without a word of whose code it is: functions' names, source files, paths of mappings and thread names are
 * each replaced by HMAC-SHA-256 of them under the caller's key, cut to twelve hexadecimal digits. The same name has the
 * same hash wherever the key is the same, so profiles of several windows and nodes can still be merged and compared; by
 * the hash alone nobody can try names. Build ids and source lines, by which a name could be looked up, are left out. The
 * kernel's own frames and mappings stay as they are.
 */
export function redactProfile(profile: Profile, key: Uint8Array): Profile {
  const hash = hasher(key);
  const isKernel = kernelMappings(profile);
  const functions: ProfileFunction[] = [];
  // A function that both sides have, memcpy for one, becomes two.
  const places = [new Map<number, number>(), new Map<number, number>()];
  const placeOf = (index: number, kernel: boolean): number => {
    const known = places[Number(kernel)].get(index);
    if (known !== undefined) {
      return known;
    }
    const fn = profile.functions[index];
    const place = functions.push(kernel ? fn : redactFunction(fn, hash)) - 1;
    places[Number(kernel)].set(index, place);
    return place;
  };
  return {
    ...profile,
    locations: profile.locations.map((location) => {
      const kernel = location.kind === "kernel";
      const lines = location.lines.map(({ functionIndex, line }) => ({
        functionIndex: placeOf(functionIndex, kernel),
        line: kernel ? line : 0,
      }));
      return { ...location, lines };
    }),
    functions,
    mappings: profile.mappings.map((mapping, index) => (isKernel[index] ? mapping : redactMapping(mapping, hash))),
    threads: profile.threads.map((thread) => ({ ...thread, comm: hash(thread.comm) })),
  };
}

type Hash = (text: string) => string;

function hasher(key: Uint8Array): Hash {
  const known = new Map<string, string>([["", ""]]);
  return (text) => {
    let hash = known.get(text);
    if (hash === undefined) {
      hash = createHmac("sha256", key).update(text).digest("hex").slice(0, DIGITS);
      known.set(text, hash);
    }
    return hash;
  };
}

function redactFunction({ name, systemName, fileName }: ProfileFunction, hash: Hash): ProfileFunction {
  return { name: hash(name), systemName: hash(systemName), fileName: hash(fileName), startLine: 0 };
}

function redactMapping(mapping: ProfileMapping, hash: Hash): ProfileMapping {
  const { fileName } = mapping;
  return { ...mapping, fileName: NO_FILE.has(fileName) ? fileName : hash(fileName), buildId: "" };
}

/** Whether the kernel's code lies in each mapping, and nobody else's: a file may call itself anything. */
function kernelMappings({ mappings, locations }: Profile): readonly boolean[] {
  const kernel = mappings.map(() => false);
  const other = mappings.map(() => false);
  for (const { mappingIndex, kind } of locations) {
    if (mappingIndex >= 0) {
      (kind === "kernel" ? kernel : other)[mappingIndex] = true;
    }
  }
  return kernel.map((is, index) => is && !other[index]);
}
