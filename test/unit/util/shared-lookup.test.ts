import assert from "node:assert/strict";
import type { lookup } from "node:dns";
import { describe, it } from "node:test";
import { sharedLookup } from "#src/util/shared-lookup.js";

type Callback = (error: NodeJS.ErrnoException | null, address: string, family: number) => void;

describe("a lookup of names", () => {
  it("asks once while the resolver is silent, and tells all who wait", () => {
    const asked: { readonly name: string; readonly callback: Callback }[] = [];
    const resolve = ((name: string, _options: unknown, callback: Callback) => {
      asked.push({ name, callback });
    }) as unknown as typeof lookup;
    const find = sharedLookup(resolve);
    const told: string[] = [];
    const ask = (name: string, options = {}): void => {
      find(name, options, (error, address) => told.push(error?.code ?? JSON.stringify(address)));
    };
    for (let times = 0; times < 10; times++) ask("intake");
    ask("intake", { all: true });
    ask("other");
    assert.deepEqual(
      asked.map(({ name }) => name),
      ["intake", "intake", "other"],
    );
    asked[0].callback(Object.assign(new Error("no"), { code: "EAI_AGAIN" }), "", 0);
    assert.deepEqual(
      told,
      Array.from({ length: 10 }, () => "EAI_AGAIN"),
    );
    ask("intake");
    assert.equal(asked.length, 4, "an answer is no cache");
  });
});
