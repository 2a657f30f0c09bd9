// Bundles the flame graph's viewer into dist/flamegraph/viewer.{js,css}, which page.ts puts into each page.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const OUTPUT = "dist/flamegraph/viewer.js";

/** Browsers of 2023: the first with DecompressionStream in all of them. */
const TARGETS = ["chrome113", "firefox113", "safari16.4"];

export async function buildViewer() {
  const { metafile } = await build({
    entryPoints: { viewer: "src/flamegraph/viewer/main.ts" },
    outdir: "dist/flamegraph",
    bundle: true,
    minify: true,
    format: "iife",
    target: TARGETS,
    charset: "ascii",
    metafile: true,
    logLevel: "warning",
    // The viewer's tsconfig is for the type checker; this is all of it that a bundler needs.
    tsconfigRaw: { compilerOptions: { strict: true, verbatimModuleSyntax: true } },
  });
  writeFileSync(OUTPUT, licencesOf(metafile) + readFileSync(OUTPUT, "utf8"));
}

/** The licences of what was bundled, which ask to be in every copy: a comment, each text once with its authors. */
export function licencesOf(metafile) {
  const packages = new Set();
  for (const input of Object.keys(metafile.inputs)) {
    const found = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (found) packages.add(found[1]);
  }
  const byText = new Map();
  for (const name of [...packages].sort()) {
    const lines = licenceText(`node_modules/${name}`).split("\n");
    const isCopyright = (line) => line.startsWith("Copyright ");
    const text = lines
      .filter((line) => !isCopyright(line))
      .join("\n")
      .trim();
    const authors = lines.filter(isCopyright).map((line) => `${name}: ${line}`);
    byText.set(text, [...(byText.get(text) ?? []), ...(authors.length > 0 ? authors : [`${name}: see below`])]);
  }
  return [...byText].map(([text, authors]) => `/*\n${authors.join("\n")}\n\n${text}\n*/\n`).join("");
}

/** Its file, or where a package has none, what it says of itself. */
function licenceText(folder) {
  const file = readdirSync(folder).find((name) => /^licen[cs]e(\.(md|txt))?$/i.test(name));
  if (file !== undefined) return readFileSync(`${folder}/${file}`, "utf8").trim();
  const { license, author } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  const holder = typeof author === "object" ? author.name : author;
  return `Copyright (c) ${holder ?? "the authors"}\n\n${license}`;
}

if (import.meta.filename === process.argv[1]) await buildViewer();
