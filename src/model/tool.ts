import { readFileSync } from "node:fs";

const { name, version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  readonly name: string;
  readonly version: string;
};

export const TOOL_NAME = name;
export const TOOL_VERSION = version;

/** Name and version, as written into profiles: "hostflame 0.1.0". */
export const TOOL = `${name} ${version}`;
