import assert from "node:assert/strict";
import { test } from "node:test";
import { type LabelInput, Profile, type ProfileInput, StringTable } from "pprof-format";

import { checkValid, findProblems } from "../../support/check-valid.js";

const strings = new StringTable();
const [samples, count, name, key] = ["samples", "count", "main", "pid"].map((text) => strings.dedup(text));

const good: ProfileInput = {
  stringTable: strings,
  sampleType: [{ type: samples, unit: count }],
  sample: [{ locationId: [1], value: [3], label: [{ key: key, num: 7 }] }],
  mapping: [{ id: 1, memoryStart: 0x1000, memoryLimit: 0x2000 }],
  location: [{ id: 1, mappingId: 1, address: 0x1004, line: [{ functionId: 1 }] }],
  function: [{ id: 1, name: name }],
};

const broken: readonly (readonly [string, Partial<ProfileInput>])[] = [
  ["sample 0: no location 9", { sample: [{ locationId: [9], value: [3] }] }],
  ["sample 0: 2 values", { sample: [{ locationId: [1], value: [3, 4] }] }],
  ["sample 0: negative value", { sample: [{ locationId: [1], value: [-1] }] }],
  ["no sample types", { sampleType: [] }],
  ["two sample types of one name", { sampleType: [good.sampleType![0], good.sampleType![0]], sample: [] }],
  ["mapping with the reserved id 0", { mapping: [{ id: 0 }], location: [], sample: [] }],
  ["two of location 1", { location: [good.location![0], good.location![0]] }],
  ["location 1: no mapping 4", { location: [{ id: 1, mappingId: 4 }] }],
  ["location 1: no function 2", { location: [{ id: 1, line: [{ functionId: 2 }] }] }],
  ["location 1: address outside its mapping", { location: [{ id: 1, mappingId: 1, address: 0x2001 }] }],
  ["function 1: has no name", { function: [{ id: 1 }] }],
  ["function 1: no string 99", { function: [{ id: 1, name: 99 }] }],
  ["default sample type main is none of the types", { defaultSampleType: name }],
  [
    "sample 0: label pid twice",
    withLabels([
      { key: key, num: 1 },
      { key: key, num: 2 },
    ]),
  ],
  ["sample 0: label pid must be a text or a number", withLabels([{ key: key }])],
  ["sample 0: label without a key", withLabels([{ num: 1 }])],
];

test("a good profile has no problems", () => {
  assert.deepEqual(findProblems(new Profile(good)), []);
  checkValid(new Profile(good).encode());
});

for (const [problem, change] of broken) {
  test(`finds: ${problem}`, () => {
    assert.ok(findProblems(new Profile({ ...good, ...change })).includes(problem));
  });
}

test("throws with what is wrong", () => {
  assert.throws(() => checkValid(new Profile({ ...good, function: [] }).encode()), /location 1: no function 1/);
});

function withLabels(label: LabelInput[]): Partial<ProfileInput> {
  return { sample: [{ locationId: [1], value: [3], label }] };
}
