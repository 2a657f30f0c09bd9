import { existsSync } from "node:fs";
import path from "node:path";
import { outputOf, run } from "./command.js";

const VERSION = "v3.22.0";
/** In the project's own folder, so that a second run has it. */
const folder = path.resolve(`build/helm-${VERSION}`);
const INSTALL_MS = 10 * 60_000;
/** A helm built from its module says that it is for an old Kubernetes. */
const KUBE_VERSION = ["--kube-version", "1.33.0"];

export const CHART = "deploy/helm/hostflame";

/** The helm there is, or one that Go builds of its module. Throws where neither is to be had. */
export async function findHelm(): Promise<string> {
  const ours = path.join(folder, "helm");
  if (existsSync(ours)) return ours;
  const present = await run("sh", ["-c", "command -v helm"]);
  if (present.status === 0) return present.stdout.trim();
  await outputOf("go", ["install", `helm.sh/helm/v3/cmd/helm@${VERSION}`], {
    environment: { ...process.env, GOBIN: folder, CGO_ENABLED: "0" },
    timeoutMs: INSTALL_MS,
  });
  return ours;
}

/** What the chart makes of values, as YAML; throws with helm's words when it refuses them. */
export function helmTemplate(helm: string, values: readonly string[]): Promise<string> {
  const words = ["template", "hostflame", CHART, "--namespace", "hostflame", ...KUBE_VERSION];
  return outputOf(helm, [...words, ...values.flatMap((value) => ["--set", value])]);
}

export function helmLint(helm: string): Promise<string> {
  return outputOf(helm, ["lint", CHART, "--strict", ...KUBE_VERSION]);
}
