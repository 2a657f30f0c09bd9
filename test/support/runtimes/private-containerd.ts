import { writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import path from "node:path";
import { daemonOf, findProgram, reasonToSkip, run, runtimeFolder, type Daemon } from "./programs.js";
import type { RuntimeSubject } from "../describe-runtime.js";

export interface PrivateContainerd extends Daemon {
  readonly socket: string;
  /** containerd's command line, in a namespace of it. */
  readonly ctr: (namespace: string, ...args: readonly string[]) => string;
  readonly close: () => Promise<void>;
}

/** A containerd with its own root, state and socket, beside whatever runs on the machine. */
export async function openContainerd(): Promise<PrivateContainerd | { readonly skip: string }> {
  const skip = reasonToSkip(["containerd", "ctr", "runc", "cc"]);
  if (skip !== "") return { skip };
  const folder = await runtimeFolder();
  const socket = path.join(folder, "c.sock");
  const config = path.join(folder, "containerd.toml");
  writeFileSync(config, configuration(folder, socket));
  const daemon = daemonOf(folder, findProgram("containerd")!, ["--config", config], socket);
  await daemon.start();
  return {
    ...daemon,
    socket,
    ctr: (namespace, ...args) => run(findProgram("ctr")!, ["--address", socket, "--namespace", namespace, ...args]),
    close: async () => {
      await daemon.stop();
      await rm(folder, { recursive: true });
    },
  };
}

/** ctr's containers as a subject of the conformance suite: created, and not run. */
export async function containerdSubject(): Promise<RuntimeSubject | { readonly skip: string }> {
  const opened = await openContainerd();
  if ("skip" in opened) return opened;
  let made = 0;
  return {
    socket: opened.socket,
    make: async (environment) => {
      const id = `hostflame-test_${++made}`;
      const variables = environment.flatMap((variable) => ["--env", variable]);
      opened.ctr("default", "containers", "create", ...variables, "--rootfs", `${opened.folder}/rootfs`, id, "/pause");
      return Promise.resolve({ id, name: id, image: "", pod: undefined });
    },
    stop: opened.stop,
    start: opened.start,
    close: opened.close,
  };
}

/** `opt` would make /opt/containerd. Without CAP_SYS_RESOURCE no process's oom_score_adj can be lowered. */
function configuration(folder: string, socket: string): string {
  return `version = 2
root = "${folder}/root"
state = "${folder}/state"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
  address = "${socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${folder}/none"
    conf_dir = "${folder}/none"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
`;
}
