import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { containerd } from "#src/containers/runtimes/containerd.js";
import { cri } from "#src/containers/runtimes/cri.js";
import { docker } from "#src/containers/runtimes/docker.js";
import type { RuntimeModule } from "#src/containers/runtimes/runtime.js";
import { describeRuntime, type RuntimeSubject } from "../../support/describe-runtime.js";
import { ContainerdServer } from "../../support/runtimes/containerd-server.js";
import { CriServer } from "../../support/runtimes/cri-server.js";
import { DockerServer } from "../../support/runtimes/docker-server.js";
import { MISBEHAVIOURS, type RuntimeServer } from "../../support/runtimes/server.js";

const POD = { uid: "6ef57449-eb33-4d53-b6a3-ffc2c03d9cac", namespace: "shop", name: "cart-0" };
const POD_LABELS = {
  "io.kubernetes.pod.uid": POD.uid,
  "io.kubernetes.pod.namespace": POD.namespace,
  "io.kubernetes.pod.name": POD.name,
};

for (const [what, module, make] of [
  ["containerd", containerd, (socket) => new ContainerdServer(socket)],
  ["containerd that streams no list", containerd, (socket) => new ContainerdServer(socket, { streams: false })],
  ["a CRI runtime", cri, (socket) => new CriServer(socket)],
  ["Docker", docker, (socket) => new DockerServer(socket)],
] as readonly (readonly [string, RuntimeModule, (socket: string) => RuntimeServer])[]) {
  describeRuntime(what, module, () => served(make), MISBEHAVIOURS);
}

/** One of our servers, at a socket of its own. */
async function served(make: (socket: string) => RuntimeServer): Promise<RuntimeSubject> {
  const folder = await mkdtemp(path.join(tmpdir(), "hostflame-runtime-"));
  const server = make(path.join(folder, "s"));
  await server.start();
  let made = 0;
  return {
    socket: server.socket,
    make: async (environment) => {
      const id = (++made).toString(16).padStart(64, "a");
      const facts = { id, name: `cart${made}`, image: "registry.example/cart:1" };
      server.add({ ...facts, labels: POD_LABELS, environment, sandbox: false });
      return Promise.resolve({ ...facts, pod: POD });
    },
    stop: () => server.stop(),
    start: () => server.start(),
    close: async () => {
      await server.stop();
      await rm(folder, { recursive: true });
    },
    misbehave: (how) => server.misbehave(how),
  };
}
