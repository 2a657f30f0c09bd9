import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CgroupHierarchy } from "#src/model/cgroup.js";
import { TestCgroup } from "./cgroups.js";
import { FakeApiServer, list } from "./fake-api-server.js";
import { modified, podObject, type PodSketch } from "./pod-object.js";
import { DockerServer } from "./runtimes/docker-server.js";

const SHOP = { uid: "6f0c1a52-1111-4222-8333-0123456789ab", id: "a".repeat(64) };
const JOBS = { uid: "6f0c1a52-9999-4222-8333-0123456789ab", id: "b".repeat(64) };
const BURN = ["sh", "-c", "while :; do :; done"];
/** Longer than any test; what is left of it ends by itself. */
const BURN_SECONDS = 600;

/** What a container of the second pod says its service is. */
export const HOSTILE_SERVICE = "../../../tmp/night ly";
export const TOKEN = "token-that-must-not-be-printed";

/** The agent's last watch, as far as it got. */
interface Watch {
  response: ServerResponse | undefined;
}

/**
 * Two pods whose containers use CPU in cgroups of the tests' own, with an API server and a container runtime that know of
 * them: shop (a Deployment) in namespace store, nightly in jobs, which names its service itself.
 */
export class TwoPods {
  readonly folder = mkdtempSync(join(tmpdir(), "hostflame-pods-"));
  readonly socket = join(this.folder, "docker.sock");
  readonly docker = new DockerServer(this.socket);
  readonly shopId = SHOP.id;
  private readonly cgroups: TestCgroup[] = [];
  private readonly running: ChildProcess[] = [];

  private constructor(
    private readonly api: FakeApiServer,
    private readonly watch: Watch,
  ) {}

  static async start(hierarchy: CgroupHierarchy): Promise<TwoPods> {
    const nightly = podObject("nightly", { uid: JOBS.uid, namespace: "jobs", ids: [JOBS.id] });
    const watch: Watch = { response: undefined };
    const api = await FakeApiServer.start(list("1", [shop(), nightly]), (response) => {
      response.flushHeaders();
      watch.response = response;
    });
    const pods = new TwoPods(api, watch);
    for (const [pod, namespace, { uid, id }] of [
      ["shop-5d4c-x1", "store", SHOP],
      ["nightly", "jobs", JOBS],
    ] as const) {
      const labels = {
        "io.kubernetes.pod.name": pod,
        "io.kubernetes.pod.namespace": namespace,
        "io.kubernetes.pod.uid": uid,
        "io.kubernetes.container.name": "c0",
      };
      pods.docker.add({ id, name: `k8s_c0_${pod}`, image: "shop:2.1", labels, environment: [], sandbox: false });
    }
    await pods.docker.start();
    pods.burn(new TestCgroup(hierarchy, "kubepods", "burstable", `pod${SHOP.uid}`, SHOP.id), BURN);
    const named = ["env", `DD_SERVICE=${HOSTILE_SERVICE}`, ...BURN];
    pods.burn(new TestCgroup(hierarchy, "kubepods", `pod${JOBS.uid}`, JOBS.id), named);
    return pods;
  }

  /** Where the agent finds the API server. */
  async environment(): Promise<Readonly<Record<string, string>>> {
    const { server } = await this.api.access.endpoint();
    const file = join(this.folder, "kubeconfig");
    const config = {
      apiVersion: "v1",
      kind: "Config",
      "current-context": "test",
      clusters: [{ name: "test", cluster: { server: server.href, "insecure-skip-tls-verify": true } }],
      users: [{ name: "test", user: { token: TOKEN } }],
      contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
    };
    writeFileSync(file, JSON.stringify(config));
    return { KUBECONFIG: file };
  }

  /** The watch tells that shop has changed. */
  changeShop(sketch: PodSketch): void {
    this.watch.response?.write(`${JSON.stringify(modified(shop({ version: "2", ...sketch })))}\n`);
  }

  async stop(): Promise<void> {
    for (const cgroup of this.cgroups) {
      for (const pid of readFileSync(join(cgroup.directory, "cgroup.procs"), "latin1").split("\n")) {
        if (pid !== "") process.kill(Number(pid), "SIGKILL");
      }
    }
    for (const child of this.running) {
      if (child.exitCode === null && child.signalCode === null) await once(child, "close");
    }
    for (const cgroup of this.cgroups) await cgroup.remove();
    await this.api.stop();
    await this.docker.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private burn(cgroup: TestCgroup, command: readonly string[]): void {
    this.cgroups.push(cgroup);
    this.running.push(cgroup.start(BURN_SECONDS, ...command));
  }
}

function shop(sketch: PodSketch = {}): Record<string, unknown> {
  return podObject("shop-5d4c-x1", {
    uid: SHOP.uid,
    namespace: "store",
    ids: [SHOP.id],
    labels: { "pod-template-hash": "5d4c", app: "shop" },
    owner: { kind: "ReplicaSet", apiVersion: "apps/v1", name: "shop-5d4c" },
    ...sketch,
  });
}
