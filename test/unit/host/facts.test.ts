import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpus, release } from "node:os";
import { describe, it } from "node:test";
import fc from "fast-check";
import { effectiveCapabilities } from "#src/host/capabilities.js";
import { countCpus, gatherFacts, parseLockdown, parseLockedMemoryLimit, showsAddresses } from "#src/host/facts.js";

describe("facts", () => {
  it("are gathered on this machine", () => {
    const facts = gatherFacts();
    assert.equal(facts.release, release());
    assert.equal(facts.onlineCpus, cpus().length);
    assert.ok(facts.possibleCpus >= facts.onlineCpus);
  });

  it("name the effective capabilities as capsh does", () => {
    const root = "CapInh:\t0000000000000000\nCapEff:\t000001ffffffffff\nCapBnd:\t0000000000000000\n";
    assert.equal(effectiveCapabilities(root).size, 8);
    assert.equal(effectiveCapabilities("CapEff:\t0000000000000000\n").size, 0);
    assert.equal(effectiveCapabilities("").size, 0);
    // Docker's default set: none of ours.
    assert.deepEqual([...effectiveCapabilities("CapEff:\t00000000a80425fb\n")], []);
    assert.deepEqual([...effectiveCapabilities("CapEff:\t000000c000000000\n")], ["CAP_PERFMON", "CAP_BPF"]);
  });

  it("agree with capsh, where it is installed", (context) => {
    let decoded: string;
    try {
      decoded = execFileSync("capsh", ["--decode=0000018400280004"], { encoding: "utf8" });
    } catch {
      context.skip("needs capsh");
      return;
    }
    const names = [...effectiveCapabilities("CapEff:\t0000018400280004\n")].map((name) => name.toLowerCase());
    assert.deepEqual(names, decoded.trim().split("=")[1].split(","));
  });

  it("count CPUs in ranges", () => {
    assert.equal(countCpus("0\n"), 1);
    assert.equal(countCpus("0-3,8,10-11\n"), 7);
    for (const text of [undefined, "", "\n", "x", "0-", "3-1"]) assert.equal(countCpus(text), undefined);
    fc.assert(fc.property(fc.string(), (text) => (countCpus(text) ?? 1) > 0));
  });

  it("read the mode of lockdown", () => {
    assert.equal(parseLockdown("none [integrity] confidentiality\n"), "integrity");
    assert.equal(parseLockdown("[none] integrity confidentiality\n"), "none");
    assert.equal(parseLockdown(undefined), undefined);
  });

  it("read the limit of locked memory", () => {
    const line = (soft: string) =>
      `Max processes             7821  7821  processes\nMax locked memory         ${soft}  8388608  bytes\n`;
    assert.equal(parseLockedMemoryLimit(line("65536")), 65_536);
    assert.equal(parseLockedMemoryLimit(line("unlimited")), Number.POSITIVE_INFINITY);
    assert.equal(parseLockedMemoryLimit(""), undefined);
  });

  it("see through zeros in kallsyms", () => {
    assert.ok(showsAddresses("ffffffff81000000 T _stext\n"));
    assert.ok(!showsAddresses("0000000000000000 T _stext\n0000000000000000 T _etext\n"));
    assert.ok(showsAddresses("0000000000000000 A fixed_percpu_data\nffffffff81000000 T _stext\n"));
    assert.ok(!showsAddresses(undefined));
  });
});
