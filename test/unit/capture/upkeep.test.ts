import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Upkeep, type UpkeepModules } from "#src/capture/upkeep.js";
import { Window } from "#src/capture/window.js";
import type { Executable } from "#src/executables/executable.js";

const FILES = 64;

describe("room for executables", () => {
  const executables = new Set<Executable>();
  const conversions = { converted: 0 };
  let looks = 0;
  const upkeep = new Upkeep({
    registry: {
      all() {
        looks++;
        return executables;
      },
      letGo: (executable: Executable) => executables.delete(executable),
      get size() {
        return executables.size;
      },
    },
    tables: { hits: ({ id }: Executable) => BigInt(id), forget: () => true },
    interpreters: { letGo: () => undefined },
    conversions,
    window: () => new Window(),
    tapped: () => [],
  } as unknown as UpkeepModules);
  for (let id = 0; id < FILES; id++) {
    executables.add({ id, state: "converting", lastWindow: 0 } as Executable);
  }

  it("is not sought again while all wait for their rows, whoever asks", () => {
    for (let i = 0; i < 1000; i++) upkeep.makeRoom();
    assert.equal(executables.size, FILES);
    assert.equal(looks, 1);
  });

  it("is made of those sampled least, as soon as one has its rows", () => {
    const [first, second, third] = executables;
    first.state = "no-rows";
    conversions.converted++;
    upkeep.makeRoom();
    assert.ok(!executables.has(first));
    for (const executable of executables) executable.state = "ready";
    third.lastWindow = -1;
    conversions.converted++;
    upkeep.makeRoom();
    assert.deepEqual(
      [executables.size, executables.has(second), executables.has(third)],
      [FILES - 1 - 4, false, false],
    );
    assert.equal(upkeep.displaced, 5);
  });
});
