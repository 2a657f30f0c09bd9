import type { Container, RuntimeName } from "../../model/container.js";
import { connectRuntime } from "./connected-runtime.js";
import { containerOf, isKnownLabel, memberOf, NO_VARIABLES, variablesOf } from "./description.js";
import { HttpStatusError, SocketHttp } from "./docker-http.js";
import { MalformedAnswer, type ProtocolOptions, type RuntimeProtocol } from "./protocol.js";
import type { RuntimeModule } from "./runtime.js";

type Version = readonly [major: number, minor: number];

/** The newest version of the interface whose words are known here; each since 1.24 has what is read. */
const API_VERSION: Version = [1, 43];
const EVENTS = { type: ["container"], event: ["create", "start", "rename", "update"] };
/** Docker's own ids; its interface also takes names and beginnings of ids, which a cgroup's path never has. */
const HEX_ID = /^[0-9a-f]{64}$/;
/** What holds a pod's namespaces: Podman builds it by itself; Docker's Kubernetes says so in a label. */
const PODMAN_PAUSE_IMAGE = "localhost/podman-pause:";
const KIND_LABEL = "io.kubernetes.docker.type";
const MAX_CONTAINERS = 100_000;

/** Docker's HTTP interface over its socket; Podman answers to the same, and is told apart by its name for itself. */
export const docker: RuntimeModule = {
  name: "docker",
  sockets: ["run/docker.sock", "run/podman/podman.sock", "var/run/docker.sock", "var/run/podman/podman.sock"],
  open: (socket, options) => connectRuntime(socket, options, (protocol) => new Docker(socket, protocol)),
};

class Docker implements RuntimeProtocol {
  name: RuntimeName = "docker";
  readonly listsAll = false;
  private readonly http: SocketHttp;
  /** "/v1.43", once the two have agreed. */
  private prefix: string | undefined;

  constructor(
    socket: string,
    private readonly options: ProtocolOptions,
  ) {
    this.http = new SocketHttp(socket);
  }

  async version(): Promise<string> {
    const answer = await this.http.json("/version", this.options.timeoutMs);
    const version = textOf(answer, "Version");
    const api = textOf(answer, "ApiVersion");
    if (version === "" || api === "") throw new MalformedAnswer("the answer names no version");
    this.prefix = prefixFor(api, textOf(answer, "MinAPIVersion"));
    const [component] = arrayOf(memberOf(answer, "Components"));
    this.name = textOf(component, "Name").startsWith("Podman") ? "podman" : "docker";
    return version;
  }

  async lookup(id: string): Promise<Container | null> {
    if (!HEX_ID.test(id)) return null;
    try {
      const answer = await this.http.json(`${await this.agreed()}/containers/${id}/json`, this.options.timeoutMs);
      const container = this.containerOf(answer, memberOf(answer, "Config"), textOf(answer, "Name"));
      if (container === undefined) throw new MalformedAnswer("the answer has no container's id");
      return container.id === id ? container : null;
    } catch (error) {
      if (error instanceof HttpStatusError && error.status === 404) return null;
      throw error;
    }
  }

  async list(): Promise<readonly Container[]> {
    const answer = await this.http.json(`${await this.agreed()}/containers/json?all=1`, this.options.listTimeoutMs);
    if (!Array.isArray(answer)) throw new MalformedAnswer("the list of containers is none");
    const containers: Container[] = [];
    for (const entry of arrayOf(answer)) {
      const [name] = arrayOf(memberOf(entry, "Names"));
      const container = this.containerOf(entry, entry, typeof name === "string" ? name : "");
      if (container === undefined) this.options.malformedPart();
      else containers.push(container);
    }
    return containers;
  }

  readonly follow = async (made: (id: string) => void, signal: AbortSignal): Promise<void> => {
    const filters = encodeURIComponent(JSON.stringify(EVENTS));
    await this.http.lines(`${await this.agreed()}/events?filters=${filters}`, signal, (event) => {
      const id = textOf(memberOf(event, "Actor"), "ID");
      if (HEX_ID.test(id)) made(id);
    });
  };

  disconnect(): void {
    this.http.disconnect();
    this.prefix = undefined;
  }

  private async agreed(): Promise<string> {
    if (this.prefix === undefined) await this.version();
    return this.prefix ?? "";
  }

  /** Where the id is, and where the image, labels and variables are, differs between a list's entry and an inspection. */
  private containerOf(entry: unknown, config: unknown, slashedName: string): Container | undefined {
    const id = textOf(entry, "Id");
    if (!HEX_ID.test(id)) return undefined;
    const labels = labelsOf(memberOf(config, "Labels"));
    const image = textOf(config, "Image");
    return containerOf({
      id,
      runtime: this.name,
      name: slashedName.replace(/^\//, ""),
      image,
      labels,
      sandbox: labels.get(KIND_LABEL) === "podsandbox" || image.startsWith(PODMAN_PAUSE_IMAGE),
      variables: entry === config ? NO_VARIABLES : variablesOf(memberOf(config, "Env")),
    });
  }
}

/** Ours where the server has it, else its newest or its oldest, whichever is nearer. */
function prefixFor(newest: string, oldest: string): string {
  const theirs = versionOf(newest);
  if (theirs === undefined) throw new MalformedAnswer("the answer names no version of the interface");
  const least = versionOf(oldest) ?? API_VERSION;
  const [major, minor] = [API_VERSION, theirs].reduce((a, b) => (isBefore(b, a) ? b : a));
  return isBefore([major, minor], least) ? `/v${least[0]}.${least[1]}` : `/v${major}.${minor}`;
}

function versionOf(text: string): Version | undefined {
  const match = /^(\d{1,3})\.(\d{1,4})$/.exec(text);
  return match === null ? undefined : [Number(match[1]), Number(match[2])];
}

function isBefore(a: Version, b: Version): boolean {
  return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
}

function labelsOf(labels: unknown): ReadonlyMap<string, string> {
  if (typeof labels !== "object" || labels === null) return new Map();
  return new Map(
    Object.entries(labels).filter(
      (entry): entry is [string, string] => isKnownLabel(entry[0]) && typeof entry[1] === "string",
    ),
  );
}

function textOf(value: unknown, name: string): string {
  const member = memberOf(value, name);
  return typeof member === "string" ? member : "";
}

function arrayOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]).slice(0, MAX_CONTAINERS) : [];
}
