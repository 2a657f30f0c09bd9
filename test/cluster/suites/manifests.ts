import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { helmLint, helmTemplate } from "../helm.js";
import { apply, kubectl, tryKubectl, until } from "../kubectl.js";
import type { Cluster } from "../kit.js";
import { olderManifest } from "../older-manifest.js";
import { POD_MONITOR_DEFINITION } from "../pod-monitor-definition.js";
import { PROMETHEUS_RULE_DEFINITION } from "../prometheus-rule-definition.js";

const SAME_AS_OVERLAYS = ["namespace.create=true", "podMonitor.enabled=true", "prometheusRule.enabled=true"];
/** Namespaces that a dry run has to find. */
const NAMESPACES = ["hostflame", "older-agent"];

export function manifestsSuite(cluster: () => Cluster, helm: () => string | Error): void {
  describe("manifests", () => {
    before(async () => {
      for (const definition of [POD_MONITOR_DEFINITION, PROMETHEUS_RULE_DEFINITION]) {
        await apply(cluster(), definition);
        const { plural } = definition.spec.names;
        await until(`${plural} to be known`, 20_000, async () => {
          const { status } = await tryKubectl(cluster(), ["get", plural, "-A"]);
          return status === 0;
        });
      }
      for (const name of NAMESPACES) {
        await apply(cluster(), { apiVersion: "v1", kind: "Namespace", metadata: { name } });
      }
    });
    after(async () => {
      for (const { metadata } of [POD_MONITOR_DEFINITION, PROMETHEUS_RULE_DEFINITION]) {
        await kubectl(cluster(), ["delete", "customresourcedefinition", metadata.name]);
      }
      for (const name of NAMESPACES) await kubectl(cluster(), ["delete", "namespace", name, "--ignore-not-found"]);
    });

    for (const overlay of ["privileged", "restricted"]) {
      it(`of the ${overlay} overlay are accepted by the API server`, async () => {
        await dryRun(await overlayForOperator(cluster(), overlay));
      });

      it(`of the chart with rights ${overlay} are the overlay's, object by object`, async (test) => {
        const found = helm();
        if (found instanceof Error) return test.skip(found.message);
        const ofChart = await helmTemplate(found, [`rights=${overlay}`, ...SAME_AS_OVERLAYS]);
        await dryRun(ofChart);
        const ofOverlay = await overlayForOperator(cluster(), overlay);
        assert.deepEqual(await objectsOf(ofChart), await objectsOf(ofOverlay));
      });
    }

    it("of the older agent are accepted", async (test) => {
      const { text, withoutProcMount } = await olderManifest(cluster());
      await dryRun(text);
      if (withoutProcMount) {
        test.diagnostic("but for procMount: Unmasked, which this API server admits for no hostPID pod");
      }
    });

    it("give no other right than to read nodes and pods", async () => {
      const objects = await objectsOf(await overlayForOperator(cluster(), "restricted"));
      const roles = Object.entries(objects).filter(([name]) => /^(Cluster)?Role\//.test(name));
      assert.deepEqual(
        roles.map(([, role]) => (role as { rules: unknown }).rules),
        [[{ apiGroups: [""], resources: ["nodes", "pods"], verbs: ["get", "list", "watch"] }]],
      );
    });

    it("of the chart say the agent's settings as variables, and nothing of its defaults", async (test) => {
      const found = helm();
      if (found instanceof Error) return test.skip(found.message);
      const values = [
        "agent.frequency=99",
        "agent.window=10s",
        "agent.tags.team=shop",
        "agent.excludeNamespaces={a,b}",
      ];
      assert.deepEqual(variablesOf(await objectsOf(await helmTemplate(found, values))), {
        HOSTFLAME_FREQUENCY: "99",
        HOSTFLAME_WINDOW: "10s",
        HOSTFLAME_EXCLUDE_NAMESPACE: "a,b",
        HOSTFLAME_TAGS: "team:shop",
      });
      assert.deepEqual(variablesOf(await objectsOf(await helmTemplate(found, []))), {});
    });

    it("of the chart carry a file of options, a Secret and the port of profiles", async (test) => {
      const found = helm();
      if (found instanceof Error) return test.skip(found.message);
      const values = ["config.window=30s", "config.exporters[0].url=http://intake:4040", "api.port=9178"];
      const text = await helmTemplate(found, [...values, "secretName=keys"]);
      await dryRun(text);
      const objects = await objectsOf(text);
      assert.deepEqual(variablesOf(objects), {
        HOSTFLAME_CONFIG: "/etc/hostflame/config/hostflame.yaml",
        HOSTFLAME_API_LISTEN: "0.0.0.0:9178",
        HOSTFLAME_API_TOKEN_FILE: "/etc/hostflame/secret/api-token",
      });
      const [map] = Object.entries(objects).filter(([name]) => name.startsWith("ConfigMap/"));
      const { data } = map[1] as { data: Record<string, string> };
      assert.equal(data["hostflame.yaml"].trim(), "exporters:\n- url: http://intake:4040\nwindow: 30s");
      await assert.rejects(helmTemplate(found, ["api.port=9178"]), /api\.port needs secretName/);
    });

    it("of the chart pass helm's own check", async (test) => {
      const found = helm();
      if (found instanceof Error) return test.skip(found.message);
      await helmLint(found);
    });

    for (const [value, message] of [
      ["rights=root", /rights.*'restricted', 'privileged'/s],
      ["agent.frequency=1000", /frequency.*999/s],
      ["agent.frequncy=99", /frequncy/],
      ["agent.window=5", /window.*string/s],
      ["agent.mode=some", /mode.*'opt-in'/s],
      ["agent.excludeNamespaces={Prod}", /excludeNamespaces.*pattern/s],
      ["agent.logLevel=loud", /logLevel.*'debug'/s],
      ["profiles.hostPath=relative", /hostPath.*pattern/s],
      ["podMonitor.interval=often", /interval.*pattern/s],
      ["prometheusRule.enabled=yes-please", /enabled.*boolean/s],
    ] as const) {
      it(`of the chart are not made with ${value}, and the message names it`, async (test) => {
        const found = helm();
        if (found instanceof Error) return test.skip(found.message);
        await assert.rejects(helmTemplate(found, [value]), message);
      });
    }

    async function dryRun(manifests: string): Promise<void> {
      await kubectl(cluster(), ["apply", "--dry-run=server", "-f", "-"], manifests);
    }

    /** By kind and name. kubectl reads YAML, and says it in JSON. */
    async function objectsOf(manifests: string): Promise<Readonly<Record<string, unknown>>> {
      const words = ["patch", "--local", "-f", "-", "--type=merge", "-p", "{}", "-o", "json"];
      const text = await kubectl(cluster(), words, manifests);
      const objects = JSON.parse(`[${text.replaceAll(/^\}\n\{$/gm, "},\n{")}]`) as {
        kind: string;
        metadata: { name: string };
      }[];
      return Object.fromEntries(objects.map((object) => [`${object.kind}/${object.metadata.name}`, object]));
    }
  });
}

interface DaemonSet {
  readonly spec: { template: { spec: { containers: { env: { name: string; value?: string }[] }[] } } };
}

function variablesOf(objects: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const { spec } = objects["DaemonSet/hostflame"] as DaemonSet;
  const [{ env }] = spec.template.spec.containers;
  return Object.fromEntries(env.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]])));
}

async function overlayForOperator(cluster: Cluster, overlay: string): Promise<string> {
  const own = mkdtempSync(path.join(tmpdir(), "hostflame-overlay-"));
  const from = path.relative(own, path.resolve("deploy"));
  const kustomization = {
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    resources: [`${from}/overlays/${overlay}`],
    components: [`${from}/components/pod-monitor`, `${from}/components/prometheus-rule`],
  };
  try {
    writeFileSync(path.join(own, "kustomization.yaml"), JSON.stringify(kustomization));
    return await kubectl(cluster, ["kustomize", own]);
  } finally {
    rmSync(own, { recursive: true });
  }
}
