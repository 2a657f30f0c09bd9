import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { request } from "node:http";
import path from "node:path";
import type { RuntimeSubject } from "../describe-runtime.js";
import { openContainerd } from "./private-containerd.js";
import { type Daemon, daemonOf, findProgram, reasonToSkip, run, runtimeFolder } from "./programs.js";

const IMAGE = "hostflame/pause:latest";
/** A daemon that has not answered by then never will. */
const ANSWER_MS = 60_000;

/** Docker over a private containerd, with its own root and socket, and no network, address or rule of its own. */
export async function dockerSubject(): Promise<RuntimeSubject | { readonly skip: string }> {
  const skip = reasonToSkip(["dockerd"]);
  if (skip !== "") return { skip };
  const containerd = await openContainerd();
  if ("skip" in containerd) return containerd;
  const { folder } = containerd;
  const socket = path.join(folder, "d.sock");
  writeFileSync(path.join(folder, "daemon.json"), "{}");
  const places = ["--config-file=daemon.json", "--data-root=docker", "--exec-root=exec", "--pidfile=docker.pid"];
  const args = [
    ...places.map((place) => place.replace("=", `=${folder}/`)),
    `--host=unix://${socket}`,
    `--containerd=${containerd.socket}`,
    ...["bridge=none", "iptables=false", "ip6tables=false", "ip-forward=false", "ip-masq=false"].map((a) => `--${a}`),
  ];
  const daemon = daemonOf(folder, findProgram("dockerd")!, args, socket);
  return begin(daemon, socket, async () => {
    await daemon.stop();
    await containerd.close();
  });
}

/** Podman's service, which answers to Docker's questions. */
export async function podmanSubject(): Promise<RuntimeSubject | { readonly skip: string }> {
  const skip = reasonToSkip(["podman", "conmon", "runc", "cc"]);
  if (skip !== "") return { skip };
  const folder = await runtimeFolder();
  const socket = path.join(folder, "p.sock");
  const storage = [`--root=${folder}/root`, `--runroot=${folder}/run`, `--tmpdir=${folder}/tmp`];
  const conmon = `conmon_path=["${findProgram("conmon") ?? ""}"]`;
  writeFileSync(
    path.join(folder, "containers.conf"),
    // Its locks lie in its own folder: those in shared memory are every podman's of the machine.
    `[engine]\ncgroup_manager="cgroupfs"\nevents_logger="file"\nlock_type="file"\nruntime="runc"\n${conmon}\n`,
  );
  writeFileSync(
    path.join(folder, "storage.conf"),
    `[storage]\ndriver="overlay"\ngraphroot="${folder}/root"\nrunroot="${folder}/run"\n`,
  );
  // The machine may have no policy of signatures, which is looked for in the home folder first.
  const policy = path.join(folder, ".config/containers");
  mkdirSync(policy, { recursive: true });
  writeFileSync(path.join(policy, "policy.json"), '{"default":[{"type":"insecureAcceptAnything"}]}');
  const environment = {
    HOME: folder,
    CONTAINERS_CONF: `${folder}/containers.conf`,
    CONTAINERS_STORAGE_CONF: `${folder}/storage.conf`,
  };
  const args = [...storage, "system", "service", "--time=0", `unix://${socket}`];
  const daemon = daemonOf(folder, findProgram("podman")!, args, socket, environment);
  return begin(daemon, socket, async () => {
    await daemon.stop();
    run(findProgram("podman")!, [...storage, "rm", "--all", "--force"], environment);
    await rm(folder, { recursive: true });
  });
}

/** Starts it. Where it does not get as far as its first image it is closed: a process left over would keep the test's own alive. */
async function begin(daemon: Daemon, socket: string, close: () => Promise<void>): Promise<RuntimeSubject> {
  const { folder, start, stop } = daemon;
  try {
    await start();
    return await overApi(socket, folder, { start, stop, close });
  } catch (cause) {
    const log = readFileSync(path.join(folder, "log"), "utf8").slice(-2000);
    await close();
    throw new Error(`${socket}: nothing could be made. Its log ends with: ${log}`, { cause });
  }
}

/** Containers made through Docker's own interface; they are not run. */
async function overApi(
  socket: string,
  folder: string,
  life: Pick<RuntimeSubject, "stop" | "start" | "close">,
): Promise<RuntimeSubject> {
  run("tar", ["-C", path.join(folder, "rootfs"), "-cf", path.join(folder, "rootfs.tar"), "pause"]);
  const rootfs = await readFile(path.join(folder, "rootfs.tar"));
  await post(socket, "/images/create?fromSrc=-&repo=hostflame/pause&tag=latest", rootfs, "application/x-tar");
  let made = 0;
  return {
    ...life,
    socket,
    make: async (environment) => {
      const name = `cart${++made}`;
      const body = { Image: IMAGE, Cmd: ["/pause"], Env: environment, HostConfig: { NetworkMode: "none" } };
      const answer = await post(socket, `/containers/create?name=${name}`, Buffer.from(JSON.stringify(body)));
      const { Id: id } = JSON.parse(answer) as { readonly Id: string };
      const listed = await post(socket, "/containers/json?all=1", undefined);
      const entry = (JSON.parse(listed) as readonly { Id: string; Image: string }[]).find((one) => one.Id === id);
      // Podman writes the registry in front.
      return { id, name, image: entry?.Image ?? IMAGE, pod: undefined };
    },
  };
}

/** POST with a body, GET without. */
function post(socket: string, url: string, body: Buffer | undefined, type = "application/json"): Promise<string> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? "GET" : "POST";
    const headers = body === undefined ? {} : { "content-type": type, "content-length": body.length };
    const signal = AbortSignal.timeout(ANSWER_MS);
    const sent = request({ socketPath: socket, path: `/v1.40${url}`, method, headers, signal }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        if ((response.statusCode ?? 500) < 300) resolve(text);
        else reject(new Error(`${method} ${url}: ${text}`));
      });
    });
    sent.on("error", (cause) => {
      const late = signal.aborted ? ` no answer for ${ANSWER_MS} ms` : "";
      reject(new Error(`${method} ${url} of ${socket}:${late}`, { cause }));
    });
    sent.end(body);
  });
}
