import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

interface Lock {
  readonly packages: Readonly<Record<string, { readonly license?: string; readonly dev?: boolean }>>;
}

/** Licences that ask for no more than their own text. */
const ALLOWED = new Set([
  "0BSD",
  "Apache-2.0",
  "BlueOak-1.0.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "CC-BY-4.0",
  "CC0-1.0",
  "ISC",
  "MIT",
  "MIT-0",
  "Python-2.0",
  "Unlicense",
]);

const manifest = JSON.parse(readFileSync("package.json", "utf8")) as Manifest;

describe("dependencies", () => {
  it("are pinned to one version", () => {
    const all = { ...manifest.dependencies, ...manifest.devDependencies };
    const loose = Object.entries(all).filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version));
    assert.deepEqual(loose, []);
  });

  it("and theirs carry licences that go with Apache-2.0", () => {
    const { packages } = JSON.parse(readFileSync("node_modules/.package-lock.json", "utf8")) as Lock;
    const wrong = Object.keys(packages)
      .map((folder) => [folder, licenceOf(folder)] as const)
      .filter(([, licence]) => !isAllowed(licence));
    assert.deepEqual(wrong, []);
  });
});

function licenceOf(folder: string): string {
  const { license, licenses } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8")) as {
    license?: string | { type: string };
    licenses?: readonly { type: string }[];
  };
  const one = typeof license === "object" ? license.type : license;
  return one ?? (licenses ?? []).map(({ type }) => type).join(" OR ");
}

/** SPDX expressions of the two simple kinds: one of several must do, or all of them. */
function isAllowed(expression: string): boolean {
  const text = expression.replace(/[()]/g, "");
  if (text.includes(" AND ")) return text.split(" AND ").every((licence) => ALLOWED.has(licence));
  return text.split(" OR ").some((licence) => ALLOWED.has(licence));
}
