import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Ownership } from "#src/labels/ownership.js";
import { PodSchedules } from "#src/labels/pod-schedule.js";
import { decide } from "#src/labels/policy.js";
import type { CgroupId } from "#src/model/cgroup.js";
import { FakeNode, ID, identify, makePod, podOwner, podPath, selection, UID } from "../../support/owners.js";
import { inZone } from "../../support/time-zone.js";
import { VirtualClock } from "../../support/virtual-clock.js";

const CGROUP = 7n as CgroupId;
const SCHEDULE = "hostflame.io/schedule";
const DURATION = "hostflame.io/duration";

function ms(time: string): number {
  return Date.parse(`2026-11-21T${time}Z`);
}

function decisionOf(annotations: Readonly<Record<string, string>>, from: string, to = from) {
  return inZone("UTC", () =>
    decide(podOwner({ annotations }), selection(), "by-now", {
      schedules: new PodSchedules(),
      span: { fromMs: ms(from), toMs: ms(to) },
    }),
  );
}

describe("a pod's own schedule", () => {
  for (const [annotations, from, to, expected] of [
    [{ [SCHEDULE]: "*/10 * * * *" }, "12:00:30", "12:00:30", "1 until 12:01:00"],
    [{ [SCHEDULE]: "*/10 * * * *" }, "12:01:00", "12:01:00", "schedule until 12:10:00"],
    [{ [SCHEDULE]: "*/10 * * * *", [DURATION]: "5m" }, "12:04:00", "12:04:00", "1 until 12:05:00"],
    [{ [SCHEDULE]: "@hourly", [DURATION]: "240" }, "12:03:59", "12:03:59", "1 until 12:04:00"],
    // A window, some part of which it was on.
    [{ [SCHEDULE]: "*/10 * * * *" }, "12:09:30", "12:10:30", "1 until 12:11:00"],
    [{ [SCHEDULE]: "*/10 * * * *" }, "12:02:00", "12:03:00", "schedule until 12:10:00"],
    // It cannot ask for what is refused otherwise.
    [{ [SCHEDULE]: "* * * * *", "hostflame.io/profile": "false" }, "12:00:30", "12:00:30", "opted-out until never"],
  ] as const) {
    it(`${JSON.stringify(annotations)} from ${from} to ${to}: ${expected}`, () => {
      const { policy, refusal, changeMs, mistakes } = decisionOf(annotations, from, to);
      const until = changeMs === Infinity ? "never" : new Date(changeMs).toISOString().slice(11, 19);
      assert.equal(`${refusal ?? policy.divisor} until ${until}`, expected);
      assert.deepEqual(mistakes, []);
    });
  }

  it("that is wrong is ignored, and said", () => {
    const said = (annotations: Readonly<Record<string, string>>) => {
      const { refusal, mistakes } = decisionOf(annotations, "12:05:00");
      return `${refusal ?? "sampled"}: ${mistakes.map(({ annotation, message }) => `${annotation}: ${message}`).join(" ")}`;
    };
    assert.equal(
      said({ [SCHEDULE]: "0 25 * * *" }),
      `sampled: ${SCHEDULE}: Pod shop/cart-7d9f-x2x4q has ${SCHEDULE}: "0 25 * * *", which is ignored: the hour "25" is none: it is from 0 to 23.`,
    );
    assert.equal(
      said({ [DURATION]: "5m" }),
      `sampled: ${DURATION}: Pod shop/cart-7d9f-x2x4q has ${DURATION}: "5m", and no ${SCHEDULE}, and is ignored.`,
    );
    assert.equal(
      said({ [SCHEDULE]: "0 * * * *", [DURATION]: "2 days" }),
      `schedule: ${DURATION}: Pod shop/cart-7d9f-x2x4q has ${DURATION}: "2 days", which is no time such as 60s or 5m, from 1s to 24h: 60s are taken.`,
    );
  });

  it("may say anything", () => {
    const schedules = new PodSchedules();
    fc.assert(
      fc.property(fc.string({ maxLength: 400 }), fc.option(fc.string({ maxLength: 20 })), (expression, duration) => {
        const annotations = { [SCHEDULE]: expression, ...(duration === null ? {} : { [DURATION]: duration }) };
        const moment = { schedules, span: { fromMs: ms("12:00:00"), toMs: ms("12:01:00") } };
        const { mistakes } = decide(podOwner({ annotations }), selection(), "by-now", moment);
        for (const { message } of mistakes) assert.match(message, /^Pod [^\n]{1,600}\.$/);
      }),
      { numRuns: 2000 },
    );
  });

  it("sets the policy in the kernel as its runs begin and end, and as the clock is set", () => {
    inZone("UTC", () => {
      const node = new FakeNode();
      const clock = new VirtualClock(); // 12:00:00
      const policies: number[] = [];
      const ownership = new Ownership(selection(), {
        identifyCgroup: identify,
        containers: node.directory,
        pods: node.podSource,
        clock,
      });
      ownership.onPolicy((_, { divisor }) => policies.push(divisor));
      node.setPod(makePod({ annotations: { [SCHEDULE]: "*/10 * * * *" } }));
      ownership.cgroupSighted(podPath(7n, UID, ID));
      const stepTo = (time: string) => {
        clock.stepWall(ms(time) - clock.wallMs());
        ownership.timePassed();
        return policies.join(" ");
      };
      assert.equal(stepTo("12:00:59"), "1");
      assert.equal(stepTo("12:01:00"), "1 0");
      assert.deepEqual([...ownership.refusals()], [["schedule", 1]]);
      assert.deepEqual([...ownership.withPolicyOfTheirOwn()], [CGROUP], "it keeps its place in the kernel");
      assert.equal(stepTo("12:09:59"), "1 0");
      assert.equal(stepTo("12:10:00"), "1 0 1");
      assert.equal(stepTo("11:10:30"), "1 0 1", "an hour back, and in a run again");
      assert.equal(stepTo("11:05:00"), "1 0 1 0");
      node.setPod(makePod({ annotations: {} }));
      assert.equal(policies.join(" "), "1 0 1 0 1");
      assert.equal(ownership.decisionAtLast(CGROUP).refusal, undefined);
    });
  });

  it("takes part of another node's rate when that changes", () => {
    const node = new FakeNode();
    const policies: number[] = [];
    const ownership = new Ownership(selection({ frequencyHz: 99 }), {
      identifyCgroup: identify,
      containers: node.directory,
      pods: node.podSource,
    });
    ownership.onPolicy((_, { divisor }) => policies.push(divisor));
    node.setPod(makePod({ annotations: { "hostflame.io/frequency": "10" } }));
    ownership.cgroupSighted(podPath(7n, UID, ID));
    for (const frequencyHz of [49, 49, 8, 999]) ownership.setFrequency(frequencyHz);
    assert.deepEqual(policies, [10, 5, 1, 100]);
  });
});
