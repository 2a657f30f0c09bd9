import { readText } from "#src/containers/runtimes/containerd-messages.js";
import { MessageWriter } from "#src/protobuf/writer.js";
import { GrpcServer, type Call } from "./grpc-server.js";
import type { Misbehaviour, RuntimeServer, Wanted } from "./server.js";

const S = "/runtime.v1.RuntimeService";

/** CRI v1 as CRI-O speaks it, as far as it is asked. Like CRI-O's, ids may be cut: the beginning will do. */
export class CriServer implements RuntimeServer {
  readonly containers = new Map<string, Wanted>();
  private readonly server: GrpcServer;

  constructor(socket: string) {
    this.server = new GrpcServer(socket, {
      [`${S}/Version`]: (call) => {
        call.send(new MessageWriter().text(1, "0.1.0").text(2, "cri-o").text(3, "1.33.1").text(4, "v1").finish());
        call.end();
      },
      [`${S}/ListContainers`]: (call) => this.list(call, false),
      [`${S}/ListPodSandbox`]: (call) => this.list(call, true),
      [`${S}/ContainerStatus`]: (call) => this.status(call, false),
      [`${S}/PodSandboxStatus`]: (call) => this.status(call, true),
    });
  }

  get socket(): string {
    return this.server.socket;
  }

  get questions(): ReadonlyMap<string, number> {
    return this.server.questions;
  }

  add(wanted: Wanted): void {
    this.containers.set(wanted.id, wanted);
  }

  misbehave(how: Misbehaviour | undefined): void {
    this.server.misbehave(how);
  }

  start(): Promise<void> {
    return this.server.start();
  }

  stop(): Promise<void> {
    return this.server.stop();
  }

  private list(call: Call, sandbox: boolean): void {
    const answer = new MessageWriter();
    for (const wanted of this.containers.values()) {
      if (wanted.sandbox !== sandbox) continue;
      const entry = new MessageWriter().text(1, wanted.id);
      if (sandbox) entry.message(2, sandboxMetadata(wanted)).varint(3, 0).textEntries(5, labelsOf(wanted));
      else {
        entry.text(2, "sandbox").message(3, new MessageWriter().text(1, wanted.name).varint(2, 0));
        entry
          .message(4, new MessageWriter().text(1, wanted.image))
          .text(5, "sha256:00")
          .textEntries(8, labelsOf(wanted));
      }
      answer.message(1, entry);
    }
    call.send(answer.finish());
    call.end();
  }

  private status(call: Call, sandbox: boolean): void {
    const id = readText(call.request, 1);
    const wanted = [...this.containers.values()].find((one) => one.sandbox === sandbox && one.id.startsWith(id));
    if (wanted === undefined) {
      return call.end(5, `could not find container "${id}": container with ID starting with it not found`);
    }
    const status = new MessageWriter().text(1, wanted.id);
    if (sandbox) status.message(2, sandboxMetadata(wanted)).textEntries(7, labelsOf(wanted));
    else {
      status.message(2, new MessageWriter().text(1, wanted.name).varint(2, 0)).varint(3, 1);
      status
        .message(8, new MessageWriter().text(1, "sha256:00").text(18, wanted.image))
        .textEntries(12, labelsOf(wanted));
    }
    const info = JSON.stringify({ pid: 7, sandboxID: "s", runtimeSpec: { process: { env: wanted.environment } } });
    call.send(
      new MessageWriter()
        .message(1, status)
        .textEntries(2, [["info", info]])
        .finish(),
    );
    call.end();
  }
}

function sandboxMetadata({ labels }: Wanted): MessageWriter {
  return new MessageWriter()
    .text(1, labels["io.kubernetes.pod.name"] ?? "")
    .text(2, labels["io.kubernetes.pod.uid"] ?? "")
    .text(3, labels["io.kubernetes.pod.namespace"] ?? "")
    .varint(4, 1);
}

function labelsOf({ labels, name, sandbox }: Wanted): readonly [string, string][] {
  const named = sandbox || name === "" ? {} : { "io.kubernetes.container.name": name };
  return Object.entries({ ...labels, ...named });
}
