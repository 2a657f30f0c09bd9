import { readText } from "#src/containers/runtimes/containerd-messages.js";
import { MessageWriter } from "#src/protobuf/writer.js";
import { GrpcServer, type Call } from "./grpc-server.js";
import type { Misbehaviour, RuntimeServer, Wanted } from "./server.js";

const S = "/containerd.services";
const SPEC_TYPE = "types.containerd.io/opencontainers/runtime-spec/1/Spec";

/** containerd's interface, as far as it is asked; `streams` off: one that is too old to stream its list. */
export class ContainerdServer implements RuntimeServer {
  /** By namespace and id. */
  readonly containers = new Map<string, ReadonlyMap<string, Wanted>>([["k8s.io", new Map()]]);
  private readonly subscribers = new Set<Call>();
  private readonly server: GrpcServer;

  constructor(socket: string, { streams = true } = {}) {
    this.server = new GrpcServer(socket, {
      [`${S}.version.v1.Version/Version`]: (call) => {
        call.send(new MessageWriter().text(1, "1.6.20").text(2, "rev").finish());
        call.end();
      },
      [`${S}.namespaces.v1.Namespaces/List`]: (call) => {
        const answer = new MessageWriter();
        for (const name of this.containers.keys()) answer.message(1, new MessageWriter().text(1, name));
        call.send(answer.finish());
        call.end();
      },
      [`${S}.containers.v1.Containers/Get`]: (call) => this.get(call),
      [`${S}.containers.v1.Containers/List`]: (call) => {
        const answer = new MessageWriter();
        for (const wanted of this.inNamespaceOf(call).values()) answer.message(1, messageOf(wanted));
        call.send(answer.finish());
        call.end();
      },
      ...(streams ? { [`${S}.containers.v1.Containers/ListStream`]: (call: Call) => this.listStream(call) } : {}),
      [`${S}.events.v1.Events/Subscribe`]: (call) => {
        this.subscribers.add(call);
        call.signal.addEventListener("abort", () => this.subscribers.delete(call));
      },
    });
  }

  get socket(): string {
    return this.server.socket;
  }

  get questions(): ReadonlyMap<string, number> {
    return this.server.questions;
  }

  add(wanted: Wanted, namespace = "k8s.io"): void {
    this.containers.set(namespace, new Map([...(this.containers.get(namespace) ?? []), [wanted.id, wanted]]));
    const event = new MessageWriter().text(1, "containerd.events.ContainerCreate");
    event.bytes(2, new MessageWriter().text(1, wanted.id).text(2, wanted.image).finish());
    const envelope = new MessageWriter().text(2, namespace).text(3, "/containers/create").message(4, event);
    for (const call of this.subscribers) call.send(envelope.finish());
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

  private get(call: Call): void {
    const id = readText(call.request, 1);
    const wanted = this.inNamespaceOf(call).get(id);
    if (wanted === undefined) return call.end(5, `container "${id}" in namespace: not found`);
    call.send(new MessageWriter().message(1, messageOf(wanted)).finish());
    call.end();
  }

  private listStream(call: Call): void {
    for (const wanted of this.inNamespaceOf(call).values()) {
      call.send(new MessageWriter().message(1, messageOf(wanted)).finish());
    }
    call.end();
  }

  private inNamespaceOf(call: Call): ReadonlyMap<string, Wanted> {
    return this.containers.get(call.headers["containerd-namespace"]) ?? new Map();
  }
}

function messageOf({ id, image, labels, environment, sandbox, name }: Wanted): MessageWriter {
  const kind = { "io.cri-containerd.kind": sandbox ? "sandbox" : "container" };
  const named = sandbox || name === "" ? {} : { "io.kubernetes.container.name": name };
  const spec = new MessageWriter().text(1, SPEC_TYPE);
  spec.bytes(2, Buffer.from(JSON.stringify({ ociVersion: "1.0.2", process: { env: environment } })));
  return new MessageWriter()
    .text(1, id)
    .textEntries(2, Object.entries({ ...labels, ...kind, ...named }))
    .text(3, image)
    .message(5, spec)
    .text(6, "overlayfs");
}
