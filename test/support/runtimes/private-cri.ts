import { setTimeout } from "node:timers/promises";
import { readText } from "#src/containers/runtimes/containerd-messages.js";
import { GrpcClient } from "#src/grpc/client.js";
import { MessageWriter } from "#src/protobuf/writer.js";
import type { RuntimeSubject } from "../describe-runtime.js";
import { openContainerd } from "./private-containerd.js";
import { removeCgroups, writeImage } from "./programs.js";

/** Parent of the sandbox's cgroup. */
const CGROUP = `hostflame-test-${process.pid}`;
const IMAGE = "localhost/pause:1";
const POD = { uid: "0f2e7d0c-5a3b-4c1e-9d77-3b1f5e6a7c88", namespace: "shop", name: "cart-0" };
const POD_LABELS = {
  "io.kubernetes.pod.uid": POD.uid,
  "io.kubernetes.pod.namespace": POD.namespace,
  "io.kubernetes.pod.name": POD.name,
};
/** The network, process and IPC namespaces of the node: no network plugin is needed. */
const NODE = 2;

/** A pod of a private containerd's CRI plugin, whose containers are made the way kubelet makes them. */
export async function criSubject(): Promise<RuntimeSubject | { readonly skip: string }> {
  const opened = await openContainerd();
  if ("skip" in opened) return opened;
  opened.ctr("k8s.io", "images", "import", await writeImage(opened.folder, IMAGE));
  const client = new GrpcClient(opened.socket);
  const call = (method: string, request: MessageWriter) =>
    whenInitialized(() =>
      client.unary(`/runtime.v1.RuntimeService/${method}`, request.finish(), { timeoutMs: 20_000 }),
    );
  const sandboxConfig = new MessageWriter()
    .message(1, new MessageWriter().text(1, POD.name).text(2, POD.uid).text(3, POD.namespace))
    .textEntries(6, Object.entries(POD_LABELS))
    .message(8, new MessageWriter().text(1, `/${CGROUP}`).message(2, nodeNamespaces(1)));
  const sandbox = readText(await call("RunPodSandbox", new MessageWriter().message(1, sandboxConfig)), 1);
  let made = 0;
  return {
    socket: opened.socket,
    make: async (environment) => {
      const name = `cart${++made}`;
      const config = new MessageWriter()
        .message(1, new MessageWriter().text(1, name))
        .message(2, new MessageWriter().text(1, IMAGE))
        .text(3, "/pause");
      for (const variable of environment) {
        const [key, ...value] = variable.split("=");
        config.message(6, new MessageWriter().text(1, key).text(2, value.join("=")));
      }
      config.textEntries(9, Object.entries({ ...POD_LABELS, "io.kubernetes.container.name": name }));
      config.message(15, new MessageWriter().message(2, nodeNamespaces(3)));
      const request = new MessageWriter().text(1, sandbox).message(2, config).message(3, sandboxConfig);
      const id = readText(await call("CreateContainer", request), 1);
      return { id, name, image: IMAGE, pod: POD };
    },
    stop: opened.stop,
    start: opened.start,
    close: async () => {
      await call("StopPodSandbox", new MessageWriter().text(1, sandbox));
      await call("RemovePodSandbox", new MessageWriter().text(1, sandbox));
      client.disconnect();
      await opened.close();
      removeCgroups(CGROUP);
    },
  };
}

/** After a start containerd's socket answers some time before its CRI plugin does. */
async function whenInitialized<T>(ask: () => Promise<T>): Promise<T> {
  for (let waited = 0; ; waited += 50) {
    try {
      return await ask();
    } catch (error) {
      const isStarting = error instanceof Error && error.message.includes("server is not initialized yet");
      if (!isStarting || waited > 10_000) throw error;
    }
    await setTimeout(50);
  }
}

/** A security context: of a sandbox the namespace options are its field 1, of a container field 3. */
function nodeNamespaces(field: number): MessageWriter {
  return new MessageWriter().message(field, new MessageWriter().varint(1, NODE).varint(2, NODE).varint(3, NODE));
}
