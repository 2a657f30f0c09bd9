import type { Container } from "../../model/container.js";
import { GrpcClient } from "../../grpc/client.js";
import { GRPC_STATUS, GrpcError } from "../../grpc/status.js";
import { readFields } from "../../protobuf/reader.js";
import { MessageWriter } from "../../protobuf/writer.js";
import { connectRuntime } from "./connected-runtime.js";
import { idOfEvent, messagesOf, readContainer, readNamespaces, readVersion } from "./containerd-messages.js";
import type { ProtocolOptions, RuntimeProtocol } from "./protocol.js";
import type { RuntimeModule } from "./runtime.js";

const SERVICES = "/containerd.services";
/** Where containers are mostly: Kubernetes', Docker's, then ctr's and nerdctl's. */
const NAMESPACE_ORDER = ["k8s.io", "moby", "default"];
const MAX_NAMESPACES = 64;
/** The names of the namespaces are asked for anew when a container is in none of those known, not more often than this. */
const NAMESPACES_FRESH_MS = 10_000;
const HEX_ID = /^[0-9a-f]{64}$/;
const MADE_OR_CHANGED = ['topic=="/containers/create"', 'topic=="/containers/update"'];
const EMPTY = new Uint8Array();

/** containerd by its own interface, where everything that it runs is: Kubernetes' containers, Docker's, ctr's and nerdctl's. */
export const containerd: RuntimeModule = {
  name: "containerd",
  sockets: [
    "run/containerd/containerd.sock",
    "run/k3s/containerd/containerd.sock",
    "run/rke2/containerd/containerd.sock",
    "var/snap/microk8s/common/run/containerd.sock",
    "run/k0s/containerd.sock",
    "run/docker/containerd/containerd.sock",
    "var/run/containerd/containerd.sock",
    "var/run/docker/containerd/containerd.sock",
    "run/dockershim/containerd.sock",
  ],
  open: (socket, options) => connectRuntime(socket, options, (protocol) => new Containerd(socket, protocol)),
};

class Containerd implements RuntimeProtocol {
  readonly name = "containerd";
  readonly listsAll = true;
  private readonly client: GrpcClient;
  private namespaces: readonly string[] = [];
  private namespacesAtMs = Number.NEGATIVE_INFINITY;
  private hasListStream = true;

  constructor(
    socket: string,
    private readonly options: ProtocolOptions,
  ) {
    this.client = new GrpcClient(socket);
  }

  async version(): Promise<string> {
    return readVersion(await this.call("version.v1.Version/Version", EMPTY));
  }

  async lookup(id: string): Promise<Container | null> {
    const container = await this.lookupIn(await this.namespacesFresherThan(Number.POSITIVE_INFINITY), id);
    if (container !== null) return container;
    const known = this.namespaces;
    const added = (await this.namespacesFresherThan(NAMESPACES_FRESH_MS)).filter((name) => !known.includes(name));
    return added.length === 0 ? null : this.lookupIn(added, id);
  }

  async list(): Promise<readonly Container[]> {
    const containers = new Map<string, Container>();
    const ambiguous = new Set<string>();
    for (const namespace of await this.namespacesFresherThan(0)) {
      await this.listNamespace(namespace, (message) => {
        const container = readContainer(message, namespace, this.options.malformedPart);
        if (container === undefined) return;
        if (containers.has(container.id)) ambiguous.add(container.id);
        containers.set(container.id, container);
      });
    }
    for (const id of ambiguous) containers.delete(id);
    return [...containers.values()];
  }

  readonly follow = async (made: (id: string) => void, signal: AbortSignal): Promise<void> => {
    const request = new MessageWriter();
    for (const filter of MADE_OR_CHANGED) request.text(1, filter);
    await this.client.stream(`${SERVICES}.events.v1.Events/Subscribe`, request.finish(), { signal }, (envelope) => {
      const id = idOfEvent(envelope);
      if (id !== undefined) made(id);
    });
  };

  disconnect(): void {
    this.client.disconnect();
    // Another containerd may answer there next.
    this.namespacesAtMs = Number.NEGATIVE_INFINITY;
    this.hasListStream = true;
  }

  /**
   * An id of 64 digits is in one namespace at most. Others are names that somebody chose, and the same name in two
   * namespaces is two containers: then nobody can say which one a cgroup means, and none is better than the wrong one.
   */
  private async lookupIn(namespaces: readonly string[], id: string): Promise<Container | null> {
    const found: Container[] = [];
    for (const namespace of namespaces) {
      const container = await this.get(namespace, id);
      if (container !== null && HEX_ID.test(id)) return container;
      if (container !== null) found.push(container);
    }
    return found.length === 1 ? found[0] : null;
  }

  private async get(namespace: string, id: string): Promise<Container | null> {
    try {
      const request = new MessageWriter().text(1, id).finish();
      const answer = await this.call("containers.v1.Containers/Get", request, namespace);
      let container: Container | undefined;
      readFields(answer, (field, value) => {
        if (field === 1) container = readContainer(value.bytes(), namespace, this.options.malformedPart);
      });
      return container?.id === id ? container : null;
    } catch (error) {
      if (error instanceof GrpcError && error.code === GRPC_STATUS.notFound) return null;
      throw error;
    }
  }

  /** One container a message, so that no long answer is ever held; as one list where containerd is older than that. */
  private async listNamespace(namespace: string, onContainer: (message: Uint8Array) => void): Promise<void> {
    const options = { timeoutMs: this.options.listTimeoutMs, headers: { "containerd-namespace": namespace } };
    const method = `${SERVICES}.containers.v1.Containers`;
    if (this.hasListStream) {
      try {
        return await this.client.stream(`${method}/ListStream`, EMPTY, options, (answer) => {
          messagesOf(answer, onContainer);
        });
      } catch (error) {
        if (!(error instanceof GrpcError && error.code === GRPC_STATUS.unimplemented)) throw error;
        this.hasListStream = false;
      }
    }
    messagesOf(await this.client.unary(`${method}/List`, EMPTY, options), onContainer);
  }

  private async namespacesFresherThan(ageMs: number): Promise<readonly string[]> {
    const isKnown = this.namespacesAtMs > Number.NEGATIVE_INFINITY;
    if (isKnown && performance.now() - this.namespacesAtMs < ageMs) return this.namespaces;
    const names = readNamespaces(await this.call("namespaces.v1.Namespaces/List", EMPTY));
    const usual = NAMESPACE_ORDER.filter((name) => names.includes(name));
    const others = names.filter((name) => !NAMESPACE_ORDER.includes(name));
    this.namespaces = [...usual, ...others].slice(0, MAX_NAMESPACES);
    this.namespacesAtMs = performance.now();
    return this.namespaces;
  }

  private call(method: string, request: Uint8Array, namespace?: string): Promise<Uint8Array> {
    return this.client.unary(`${SERVICES}.${method}`, request, {
      timeoutMs: this.options.timeoutMs,
      headers: namespace === undefined ? {} : { "containerd-namespace": namespace },
    });
  }
}
