import type { ProcessKey } from "../../model/process-key.js";
import type { BoundNames } from "../../naming/bound-frames.js";
import type { SourcePlace } from "../../source-maps/known-places.js";
import type { SourceMaps } from "../../source-maps/source-maps.js";
import { scriptPath } from "../../source-maps/script-path.js";
import { ChainTable } from "../../symbols/chain-table.js";
import type { NamedFunction } from "../../symbols/resolver.js";
import { printable } from "../../util/printable.js";
import type { CodePlace } from "./code-places.js";
import type { V8Function } from "./v8-function.js";

/** Of a path, as a profile shows it. */
const MAX_FILE = 512;
/** What V8 and everybody after it calls a function without a name. */
const ANONYMOUS = "(anonymous)";

/** Chains of places, innermost first; undefined where one has no name. */
export type PlaceChains = readonly (readonly CodePlace[] | undefined)[];

/** Where scripts come from; SourceMaps. */
export type ScriptPlaces = Pick<SourceMaps, "places">;

/** What a profile shows for places in scripts: where they come from by the source maps beside them, else what V8 says. */
export async function namePlaces(
  chains: PlaceChains,
  process: ProcessKey,
  maps: ScriptPlaces,
): Promise<Pick<BoundNames, "chainIndices" | "chains" | "functions">> {
  const points = new ScriptPoints();
  for (const chain of chains) {
    for (const { function: its, line, column } of chain ?? []) {
      points.add(its, line, column);
      points.add(its, its.line, its.column);
    }
  }
  await points.lookUp(process, maps);
  const functions = new FunctionTable();
  const table = new ChainTable();
  const chainIndices = Int32Array.from(chains, (chain) => {
    if (chain === undefined) return -1;
    const rows: number[] = [];
    const lines: number[] = [];
    for (const { function: its, line, column } of chain) {
      const start = points.at(its, its.line, its.column);
      const place = points.at(its, line, column);
      rows.push(functions.add(namedFunction(its, start, place)));
      lines.push(place?.line ?? line);
    }
    return table.add(rows, lines);
  });
  return { chainIndices, chains: table.columns(), functions: functions.all };
}

/** A bundle's own code, outside of any function, is of all the files that it was made of: of each it is another function. */
function namedFunction(its: V8Function, start: SourcePlace | undefined, place: SourcePlace | undefined): NamedFunction {
  const own = its.name === "" ? ANONYMOUS : printable(its.name);
  const file = place?.file ?? start?.file ?? fileOf(its.script);
  const beginsThere = start?.file === file;
  const original = beginsThere ? start.name : "";
  return {
    name: original === "" ? own : printable(original),
    systemName: own,
    fileName: file,
    // A place whose file the map tells has no use for a line of another one.
    startLine: beginsThere ? start.line : place === undefined && start === undefined ? its.line : 0,
  };
}

/** The path of a script that has one; else what V8 calls it: "node:fs". */
function fileOf(script: string): string {
  return printable((scriptPath(script) ?? script).slice(0, MAX_FILE));
}

/** Points of scripts, each looked up once. */
class ScriptPoints {
  /** By script and how long it is. */
  private readonly scripts = new Map<
    string,
    { readonly its: V8Function; readonly places: Map<string, SourcePlace | undefined> }
  >();

  add(its: V8Function, line: number, column: number): void {
    if (line === 0 || scriptPath(its.script) === undefined) return;
    const key = keyOf(its);
    let script = this.scripts.get(key);
    if (script === undefined) {
      script = { its, places: new Map() };
      this.scripts.set(key, script);
    }
    script.places.set(`${line}:${column}`, undefined);
  }

  at(its: V8Function, line: number, column: number): SourcePlace | undefined {
    return this.scripts.get(keyOf(its))?.places.get(`${line}:${column}`);
  }

  async lookUp(process: ProcessKey, maps: ScriptPlaces): Promise<void> {
    for (const { its, places } of this.scripts.values()) {
      const keys = [...places.keys()];
      const points = keys.map((key) => key.split(":").map(Number));
      const found = await maps.places({
        process,
        script: its.script,
        lines: Uint32Array.from(points, ([line]) => line),
        columns: Uint32Array.from(points, ([, column]) => column),
        ...(its.scriptCharacters < 0 ? {} : { characters: its.scriptCharacters }),
      });
      for (const [row, key] of keys.entries()) places.set(key, found[row]);
    }
  }
}

function keyOf({ script, scriptCharacters }: V8Function): string {
  return `${scriptCharacters} ${script}`;
}

/** Distinct functions. */
class FunctionTable {
  readonly all: NamedFunction[] = [];
  private readonly rows = new Map<string, number>();

  add(its: NamedFunction): number {
    const key = `${its.startLine}\0${its.name}\0${its.systemName}\0${its.fileName}`;
    let row = this.rows.get(key);
    if (row === undefined) {
      row = this.all.push(its) - 1;
      this.rows.set(key, row);
    }
    return row;
  }
}
