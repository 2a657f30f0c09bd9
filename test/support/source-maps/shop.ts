import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync, type BuildOptions } from "esbuild";
import ts from "typescript";

/** Sources of a small program in which one function of each sort throws, or calls the next. */
const FILES = {
  "cart.ts": `
import { priceOf } from "./deep/price.js";

export interface Item { readonly name: string; readonly amount: number }

export class ShoppingCart {
  private readonly items: Item[] = [];

  addItem(item: Item): this {
    this.items.push(item);
    return this;
  }

  get totalPrice(): number {
    return this.items.map((item) => priceOf(item.name, item.amount)).reduce((sum, one) => sum + one, 0);
  }

  static ofOne(name: string): ShoppingCart {
    return new ShoppingCart().addItem({ name, amount: 1 });
  }
}

export function* eachDiscount(limit: number): Generator<number> {
  for (let discount = 0; discount < limit; discount++) yield priceOf("discount", discount);
}
`,
  "deep/price.ts": `
/* \u00fcber: what is before a statement in its line counts in UTF-16 */ const emoji = "\u{1f6d2}"; export function priceOf(name: string, amount: number): number {
  const lookUp = (wanted: string): number => {
    const failing = function (): never { throw new RangeError(\`no price of \${wanted} \${emoji}\`); };
    return amount > 0 ? failing() : 0;
  };
  return lookUp(name);
}
`,
  "main.ts": `
import { ShoppingCart, eachDiscount } from "./cart.js";

const stackOf = (run: () => unknown): string => {
  try { run(); } catch (error) { return (error as Error).stack ?? ""; }
  return "";
};

function countDiscounts(): number {
  let count = 0;
  for (const discount of eachDiscount(3)) count += discount;
  return count;
}

async function lateFailure(): Promise<string> {
  await Promise.resolve();
  const total = (): number => ShoppingCart.ofOne("late").totalPrice;
  return stackOf(total);
}

export const allFunctions = { stackOf, countDiscounts, lateFailure, eachDiscount };

if (process.env["SHOP_STACKS"] === "1") {
  const stacks = [stackOf(() => ShoppingCart.ofOne("pear").totalPrice), stackOf(countDiscounts), await lateFailure()];
  process.stdout.write(JSON.stringify(stacks));
}
`,
} as const;

/** A built script of the program, and where its sources are. */
export interface BuiltShop {
  readonly script: string;
  readonly sources: string;
}

function writeSources(folder: string): string {
  const sources = join(folder, "src");
  mkdirSync(join(sources, "deep"), { recursive: true });
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(sources, name), text);
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  return sources;
}

/** Bundles it into one script. */
export function bundleShop(folder: string, options: BuildOptions): BuiltShop {
  const sources = writeSources(folder);
  const script = join(folder, "dist", "shop.mjs");
  buildSync({
    ...{ entryPoints: [join(sources, "main.ts")], outfile: script, bundle: true, format: "esm", platform: "node" },
    ...{ sourcemap: true, logLevel: "silent", ...options },
  });
  return { script, sources };
}

/** Compiles it file by file. */
export function compileShop(folder: string, options: ts.CompilerOptions): BuiltShop {
  const sources = writeSources(folder);
  for (const [name, text] of Object.entries(FILES)) {
    const fileName = join(sources, name);
    const output = ts.transpileModule(text, {
      fileName,
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, sourceMap: true, ...options },
    });
    const script = join(folder, "dist", name.replace(/ts$/, "js"));
    mkdirSync(join(script, ".."), { recursive: true });
    writeFileSync(script, output.outputText);
    if (output.sourceMapText !== undefined) {
      const map = JSON.parse(output.sourceMapText) as { sources: string[] };
      // transpileModule knows of no output folder.
      map.sources = [name.startsWith("deep/") ? `../../src/${name}` : `../src/${name}`];
      writeFileSync(`${script}.map`, JSON.stringify(map));
    }
  }
  return { script: join(folder, "dist", "main.js"), sources };
}

/** A frame of a stack as V8 writes it. */
export interface StackPlace {
  readonly script: string;
  readonly line: number;
  readonly column: number;
}

/** Places of the frames of the program's stacks, as its Node.js tells them: as they run, or by its own reading of source maps. */
export function stackPlaces(script: string, flags: readonly string[] = []): readonly StackPlace[] {
  const { stdout, stderr, status } = spawnSync(process.execPath, [...flags, script], {
    encoding: "utf8",
    env: { ...process.env, SHOP_STACKS: "1", NODE_OPTIONS: "" },
  });
  if (status !== 0) throw new Error(`${script} failed: ${stderr}`);
  return (JSON.parse(stdout) as string[])
    .flatMap((stack) => stack.split("\n"))
    .flatMap((text) => {
      const [, place, line, column] = /(?:\(|at |async )((?:file:\/\/)?\/[^()]*):(\d+):(\d+)\)?$/.exec(text) ?? [];
      if (place === undefined) return [];
      return {
        script: place.startsWith("file:") ? fileURLToPath(place) : place,
        line: Number(line),
        column: Number(column),
      };
    });
}

/** Line and column, from 1, at which a text begins in a source. */
export function placeOf(source: string, text: string): string {
  const content = readFileSync(source, "utf8");
  const before = content.slice(0, content.indexOf(text)).split("\n");
  return `${source}:${before.length}:${before.at(-1)!.length + 1}`;
}
