import fc from "fast-check";
import type { LabelledProfile, ProfileBatch } from "#src/model/labelled-profile.js";
import { arbitraryProfile } from "../arbitrary-profile.js";
import { knownProfile } from "../known-profile.js";
import { ProfileBuilder } from "../profile-builder.js";

export const CONTAINER_ID = "3f".repeat(32);
const START_NS = BigInt(Date.UTC(2026, 0, 2, 3, 4, 0)) * 1_000_000n;

/** A window of three profiles: of a pod, of a plain container, of the host; with one of everything that an intake may trip over. */
export function knownBatch(): ProfileBatch {
  return {
    startNs: START_NS,
    endNs: START_NS + 60_000_000_000n,
    profiles: [podProfile(), containerProfile(), hostProfile()],
  };
}

export function podProfile(): LabelledProfile {
  return {
    service: "shop api",
    env: "production",
    version: "1.2,3",
    labels: new Map([
      ["node", "node-1"],
      ["namespace", "shop"],
      ["pod", "api-6d5f-x2k"],
      ["container", "api"],
      ["workload_kind", "Deployment"],
      ["workload", "api"],
      ["image", "registry.example:5000/shop/api@sha256:0a"],
      ["container_id", CONTAINER_ID],
      ["pod_uid", "5c0c9f9e-8a3c-4a55-9a3e-3b8f2f5b7c11"],
      ["pod_label.app.kubernetes.io/name", "api=v2,{x}"],
      ["team", "payments"],
    ]),
    profile: new ProfileBuilder({ timeNs: START_NS, durationNs: 60_000_000_000n })
      .add("api;_start;main;serve", 3, { pid: 40, tid: 40 })
      .add("api;_start;main;serve", 2, { pid: 40, tid: 41 })
      .add("api;_start;main;parse > skip@/lib/libjson.so", 1, { pid: 40, tid: 41, weight: 4 })
      .build(),
  };
}

function containerProfile(): LabelledProfile {
  const labels = new Map([
    ["node", "node-1"],
    ["container", "ctest1"],
    ["container_id", "ctest1"],
  ]);
  return {
    service: "ctest1",
    env: "",
    version: "",
    labels,
    profile: new ProfileBuilder({ timeNs: START_NS }).add("job;main", 1).build(),
  };
}

function hostProfile(): LabelledProfile {
  return {
    service: "node-1",
    env: "production",
    version: "",
    labels: new Map([["node", "node-1"]]),
    profile: knownProfile(),
  };
}

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.constantFrom("", "a,b", "x\r\nInjected: 1", "é漢🔥", "\ud800", "__name__"),
);

/** Any labels and services: what reached here was cleaned, and need not have been. */
export const arbitraryBatch: fc.Arbitrary<ProfileBatch> = fc
  .array(
    fc.record({
      service: text,
      env: text,
      version: text,
      labels: fc.array(fc.tuple(text, text), { maxLength: 40 }),
      profile: arbitraryProfile,
    }),
    { maxLength: 3 },
  )
  .map((profiles) => ({
    startNs: START_NS,
    endNs: START_NS + 1n,
    profiles: profiles.map(({ labels, ...rest }) => ({ ...rest, labels: new Map(labels) })),
  }));
