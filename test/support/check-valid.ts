import { gunzipSync } from "node:zlib";
import { Profile } from "pprof-format";

type Numeric = number | bigint;

/** Problems reported at most: the first few say what is wrong, the rest repeat it. */
const MAX_PROBLEMS = 20;

/**
 * Decodes a pprof file (gzip or not) and throws with a list of what is wrong with it, by the rules of google/pprof's
 * Profile.CheckValid and of the comments in its proto/profile.proto. To be run over every profile a test meets.
 */
export function checkValid(bytes: Uint8Array): Profile {
  const profile = Profile.decode(bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes);
  const problems = findProblems(profile);
  if (problems.length > 0) throw new Error(`invalid profile:\n  ${problems.join("\n  ")}`);
  return profile;
}

/** What is wrong with a decoded profile, in sentences; empty when nothing is. */
export function findProblems(profile: Profile): string[] {
  const problems: string[] = [];
  const wrong = (problem: string) => {
    if (problems.length < MAX_PROBLEMS) problems.push(problem);
  };
  const { strings } = profile.stringTable;
  const text = (index: Numeric, where: string): string => {
    const found = strings[Number(index)];
    if (found === undefined) wrong(`${where}: no string ${index}`);
    return found ?? "";
  };

  if (strings[0] !== "") wrong("string 0 is not empty");
  if (new Set(strings).size !== strings.length) wrong("a string is in the table twice");
  checkHeader(profile, text, wrong);
  const mappings = byId("mapping", profile.mapping, wrong);
  const functions = byId("function", profile.function, wrong);
  const locations = byId("location", profile.location, wrong);

  for (const mapping of profile.mapping) {
    const where = `mapping ${mapping.id}`;
    text(mapping.filename, where);
    if (!/^([0-9a-f]{2})*$/.test(text(mapping.buildId, where))) wrong(`${where}: build id is not hex`);
    if (BigInt(mapping.memoryStart) > BigInt(mapping.memoryLimit)) wrong(`${where}: starts past its limit`);
  }
  for (const fn of profile.function) {
    const where = `function ${fn.id}`;
    if (text(fn.name, where) === "") wrong(`${where}: has no name`);
    text(fn.systemName, where);
    text(fn.filename, where);
    if (fn.startLine < 0) wrong(`${where}: negative start line`);
  }
  for (const location of profile.location) {
    const where = `location ${location.id}`;
    if (BigInt(location.mappingId) !== 0n) {
      const mapping = mappings.get(BigInt(location.mappingId));
      if (mapping === undefined) wrong(`${where}: no mapping ${location.mappingId}`);
      else if (!isInside(location.address, mapping)) wrong(`${where}: address outside its mapping`);
    }
    for (const line of location.line) {
      if (!functions.has(BigInt(line.functionId))) wrong(`${where}: no function ${line.functionId}`);
      if (line.line < 0) wrong(`${where}: negative line`);
    }
  }
  for (const [row, sample] of profile.sample.entries()) {
    const where = `sample ${row}`;
    if (sample.value.length !== profile.sampleType.length) wrong(`${where}: ${sample.value.length} values`);
    for (const value of sample.value) if (value < 0) wrong(`${where}: negative value`);
    for (const id of sample.locationId) if (!locations.has(BigInt(id))) wrong(`${where}: no location ${id}`);
    checkLabels(sample.label, where, text, wrong);
  }
  return problems;
}

function checkHeader(profile: Profile, text: Text, wrong: Wrong): void {
  if (profile.sampleType.length === 0 && profile.sample.length > 0) wrong("no sample types");
  const types = profile.sampleType.map((type) => {
    if (text(type.unit, "sample type") === "") wrong("a sample type has no unit");
    return text(type.type, "sample type");
  });
  if (new Set(types).size !== types.length) wrong("two sample types of one name");
  const preferred = text(profile.defaultSampleType, "default sample type");
  if (preferred !== "" && !types.includes(preferred)) wrong(`default sample type ${preferred} is none of the types`);
  if (profile.periodType !== undefined) {
    text(profile.periodType.type, "period type");
    text(profile.periodType.unit, "period type");
  }
  if (profile.period < 0) wrong("negative period");
  if (profile.timeNanos < 0 || profile.durationNanos < 0) wrong("negative time");
  for (const comment of profile.comment) text(comment, "comment");
  text(profile.dropFrames, "drop_frames");
  text(profile.keepFrames, "keep_frames");
}

function checkLabels(labels: Profile["sample"][number]["label"], where: string, text: Text, wrong: Wrong): void {
  const keys = new Set<string>();
  for (const label of labels) {
    const key = text(label.key, where);
    if (key === "") wrong(`${where}: label without a key`);
    if (keys.has(key)) wrong(`${where}: label ${key} twice`);
    keys.add(key);
    const isText = text(label.str, where) !== "";
    const isNumber = BigInt(label.num) !== 0n;
    if (isText === isNumber) wrong(`${where}: label ${key} must be a text or a number`);
    if (text(label.numUnit, where) !== "" && !isNumber) wrong(`${where}: label ${key} has a unit and no number`);
  }
}

type Text = (index: Numeric, where: string) => string;
type Wrong = (problem: string) => void;

function byId<T extends { id: Numeric }>(what: string, rows: readonly T[], wrong: Wrong): Map<bigint, T> {
  const found = new Map<bigint, T>();
  for (const row of rows) {
    const id = BigInt(row.id);
    if (id === 0n) wrong(`${what} with the reserved id 0`);
    if (found.has(id)) wrong(`two of ${what} ${id}`);
    found.set(id, row);
  }
  return found;
}

function isInside(address: Numeric, mapping: { memoryStart: Numeric; memoryLimit: Numeric }): boolean {
  return BigInt(mapping.memoryStart) <= BigInt(address) && BigInt(address) <= BigInt(mapping.memoryLimit);
}
