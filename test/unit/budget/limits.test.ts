import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { budgetLimits } from "#src/budget/limits.js";
import { ceilingOf, describeShed, NOTHING_SHED, shedAt, topLevel } from "#src/budget/rungs.js";

const MIB = 1 << 20;

describe("limits of the budget", () => {
  const directory = mkdtempSync(join(tmpdir(), "hostflame-budget-"));
  writeFileSync(join(directory, "memory.max"), String(256 * MIB));
  writeFileSync(join(directory, "cpu.max"), "50000 100000");
  after(() => rmSync(directory, { recursive: true }));
  const cgroup = { version: 2, directory, above: [] } as const;
  const inContainer = { memory: cgroup, cpu: cgroup };
  const outside = { memory: undefined, cpu: undefined };

  it("are the cgroup's, less a margin, unless told otherwise", () => {
    const { memory, cpuCores } = budgetLimits({ memoryLimit: "auto", cpuLimit: "auto" }, inContainer);
    assert.equal(memory?.bytes, 240 * MIB);
    assert.equal(memory?.cgroup, cgroup);
    assert.equal(cpuCores, 0.4);
  });

  it("are none outside of a cgroup that has any", () => {
    assert.deepEqual(budgetLimits({ memoryLimit: "auto", cpuLimit: "auto" }, outside), {
      memory: undefined,
      cpuCores: undefined,
    });
  });

  it("are the operator's, and never more than the cgroup's", () => {
    const less = budgetLimits({ memoryLimit: 100 * MIB, cpuLimit: 0.05 }, inContainer);
    assert.equal(less.memory?.bytes, 100 * MIB);
    assert.equal(less.cpuCores, 0.05);
    const more = budgetLimits({ memoryLimit: 1000 * MIB, cpuLimit: 2 }, inContainer);
    assert.equal(more.memory?.bytes, 240 * MIB);
    assert.equal(more.cpuCores, 0.4);
    const alone = budgetLimits({ memoryLimit: 100 * MIB, cpuLimit: 0.05 }, outside);
    assert.deepEqual(alone, { memory: { bytes: 100 * MIB, cgroup: undefined }, cpuCores: 0.05 });
  });

  it("are off when they are to be", () => {
    assert.deepEqual(budgetLimits({ memoryLimit: "off", cpuLimit: "off" }, inContainer), {
      memory: undefined,
      cpuCores: undefined,
    });
  });
});

describe("what is shed", () => {
  it("grows with the level, in the stated order", () => {
    const words = Array.from({ length: topLevel("memory", 19) + 1 }, (_, memory) =>
      describeShed(shedAt({ memory, cpu: 0 }, 19), 19),
    );
    assert.deepEqual(words, [
      "",
      "caches",
      "caches, symbols",
      "caches, symbols, tables",
      "caches, symbols, tables, rate (9 Hz)",
      "caches, symbols, tables, rate (4 Hz)",
      "caches, symbols, tables, rate (2 Hz)",
      "caches, symbols, tables, rate (1 Hz)",
      "caches, symbols, tables, rate (0 Hz)",
    ]);
  });

  it("is what either resource asks for, and of the rate what is less", () => {
    const shed = shedAt({ memory: 4, cpu: 5 }, 999);
    assert.equal(describeShed(shed, 999), "caches, conversions, symbols, tables, rate (124 Hz)");
    assert.equal(ceilingOf(NOTHING_SHED, 999), Infinity);
  });

  it("goes from one a second to none", () => {
    assert.equal(topLevel("cpu", 1), 3);
    assert.equal(ceilingOf(shedAt({ memory: 0, cpu: 3 }, 1), 1), 0);
  });
});
