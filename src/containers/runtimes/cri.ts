import type { Container, RuntimeName } from "../../model/container.js";
import { GrpcClient } from "../../grpc/client.js";
import { GRPC_STATUS, GrpcError } from "../../grpc/status.js";
import { MessageWriter } from "../../protobuf/writer.js";
import { connectRuntime } from "./connected-runtime.js";
import { readContainerStatus, readList, readSandboxStatus, readVersion } from "./cri-messages.js";
import type { ProtocolOptions, RuntimeProtocol } from "./protocol.js";
import type { RuntimeModule } from "./runtime.js";

const SERVICE = "/runtime.v1.RuntimeService";
const EMPTY = new Uint8Array();
/** cri-dockerd passes Docker's own words on, without the code. */
const NOT_FOUND = /no such container|not found|could not find/i;

/**
 * Any runtime by the interface that kubelet uses. It is listed every few seconds rather than followed: its events are behind a
 * feature gate in Kubernetes and off by default in CRI-O, and a container that is met before is looked up at once.
 */
export const cri: RuntimeModule = {
  name: "cri",
  sockets: [
    "run/crio/crio.sock",
    "run/cri-dockerd.sock",
    "var/run/crio/crio.sock",
    "var/run/cri-dockerd.sock",
    "run/cri-dockerd/cri-dockerd.sock",
    "run/k3s/cri-dockerd/cri-dockerd.sock",
  ],
  open: (socket, options) => connectRuntime(socket, options, (protocol) => new Cri(socket, protocol)),
};

class Cri implements RuntimeProtocol {
  name: RuntimeName = "cri-o";
  readonly listsAll = false;
  readonly follow = undefined;
  private readonly client: GrpcClient;

  constructor(
    socket: string,
    private readonly options: ProtocolOptions,
  ) {
    this.client = new GrpcClient(socket);
  }

  async version(): Promise<string> {
    const { name, version } = readVersion(await this.call("Version", EMPTY, this.options.timeoutMs));
    this.name = runtimeNamed(name);
    return version;
  }

  async lookup(id: string): Promise<Container | null> {
    // The ids of a pod's sandbox and of its containers are of one kind, so a path tells them apart no more than we do.
    return (await this.status("ContainerStatus", id, true)) ?? (await this.status("PodSandboxStatus", id, false));
  }

  async list(): Promise<readonly Container[]> {
    const { listTimeoutMs } = this.options;
    const containers = readList(await this.call("ListContainers", EMPTY, listTimeoutMs), "container", this.name);
    const sandboxes = readList(await this.call("ListPodSandbox", EMPTY, listTimeoutMs), "sandbox", this.name);
    return [...containers, ...sandboxes];
  }

  disconnect(): void {
    this.client.disconnect();
  }

  private async status(
    method: "ContainerStatus" | "PodSandboxStatus",
    id: string,
    verbose: boolean,
  ): Promise<Container | null> {
    const request = new MessageWriter().text(1, id).bool(2, verbose).finish();
    try {
      const answer = await this.call(method, request, this.options.timeoutMs);
      const container =
        method === "ContainerStatus"
          ? readContainerStatus(answer, this.name, this.options.malformedPart)
          : readSandboxStatus(answer, this.name);
      // The beginning of an id will do for containerd: not for us.
      return container?.id === id ? container : null;
    } catch (error) {
      if (error instanceof GrpcError && isNotFound(error)) return null;
      throw error;
    }
  }

  private call(method: string, request: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    return this.client.unary(`${SERVICE}/${method}`, request, { timeoutMs });
  }
}

function isNotFound({ code, message }: GrpcError): boolean {
  return code === GRPC_STATUS.notFound || (code === GRPC_STATUS.unknown && NOT_FOUND.test(message));
}

/** As each names itself; whoever else speaks CRI is most like CRI-O: no other interface of its own. */
function runtimeNamed(name: string): RuntimeName {
  return name === "containerd" || name === "docker" ? name : "cri-o";
}
