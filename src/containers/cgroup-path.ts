import type { CgroupPath } from "../model/cgroup.js";
import type { RuntimeName } from "../model/container.js";
import type { CgroupIdentity } from "./directory.js";

/** Containers in containers in containers: a kind node in a CI job's container has three. */
const MAX_CANDIDATES = 4;
/** Levels that are looked at; whoever nests deeper is known by what is above. */
const MAX_LEVELS = 64;

const HEX_ID = /^[0-9a-f]{64}$/;
/** containerd's rule for names of namespaces and containers (76 characters at most). */
const CONTAINERD_NAME = /^[A-Za-z0-9]+([._-][A-Za-z0-9]+)*$/;
const CONTAINERD_NAME_LENGTH = 76;

/** `<prefix>-<id>.scope` of the systemd drivers; without `.scope` where a cgroupfs driver puts a prefix too. */
const PREFIXED_ID = /^([a-z][a-z0-9_.-]*)[-_]([0-9a-f]{64})(\.scope)?$/;
const PREFIXES_WITHOUT_SCOPE: ReadonlySet<string> = new Set(["crio", "libpod", "libpod-payload", "kata"]);
/** Processes that watch over a container: `crio-conmon-<id>`, `libpod-conmon-<id>`. */
const MONITOR = /^(?:(crio|libpod)-)?conmon(?:-[0-9a-f]{64})?(?:\.scope)?$/;
const PREFIX_RUNTIMES: Readonly<Partial<Record<string, RuntimeName>>> = {
  "cri-containerd": "containerd",
  nerdctl: "containerd",
  crio: "cri-o",
  docker: "docker",
  libpod: "podman",
  "libpod-payload": "podman",
};

/** What runc with the cgroupfs driver makes of a path that was meant for systemd: `<slice>:<prefix>:<id>`, colons and all. */
const COLONS = /^([^:]*):([a-z][a-z0-9_.-]*):([^:]+)$/;

/** A pod's directory, by driver: `pod<uid>`, `kubepods-burstable-pod<uid, - as _>.slice`. A static pod's uid is 32 hex digits. */
const POD = /^pod([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32})$/;
const POD_SLICE = /(?:^|-)pod([0-9a-f]{8}(?:_[0-9a-f]{4}){3}_[0-9a-f]{12}|[0-9a-f]{32})\.slice$/;

/** Fargate and ECS managed instances: `/ecs/<task>/<task>-<digits>`. */
const ECS_ID = /^([0-9a-f]{32})-[0-9]{1,20}$/;

/** Guests whose inside is their own: systemd-nspawn's and libvirt's, which are units, and LXC's (and so LXD's and Incus's). */
const GUEST_UNIT = /^(systemd-nspawn@.*\.service|machine-.*\.scope)$/;
/** `lxc.payload.<name>`; `lxc.payload/<name>` of LXC 3, `lxc/<name>` before. */
const LXC_PAYLOAD = /^lxc\.payload\.(.+)$/;
const LXC_PARENT = /^lxc(\.payload)?$/;
const LXC_MONITOR = /^lxc\.monitor(\..*)?$/;
const UNIT = /\.(service|scope)$/;

/** First names that are a tool's or an init system's, not a containerd namespace. */
const NOT_A_NAMESPACE =
  /^(kubepods|kubelet|podruntime|docker|buildkit|lxc(\..*)?|ecs|garden|mesos|nomad|wsl-user|libpod_parent|conmon|kata_overhead|init|user|system|machine|.*\.(slice|service|scope|mount|socket|swap|payload|partition))$/;

interface Candidate {
  readonly id: string;
  readonly podUid: string | undefined;
  readonly runtime: RuntimeName | undefined;
}

/**
 * What a cgroup's path alone tells of whose it is. Walks from the root: the first container's own cgroup is the work of
 * its runtime, and everything below may be the container's own; so ids below only follow, as further candidates, for the
 * case of a node that is itself a container (kind, minikube), and a unit below is none. Never throws.
 */
export function identifyCgroup({ names }: CgroupPath): CgroupIdentity {
  const candidates: Candidate[] = [];
  let outermostPod: string | undefined;
  let podUid: string | undefined;
  let unit: string | undefined;
  let inGuest = false;
  for (let level = 0; level < Math.min(names.length, MAX_LEVELS) && candidates.length < MAX_CANDIDATES; level++) {
    const name = names[level];
    podUid = podOf(name) ?? podUid;
    outermostPod ??= podUid;
    const monitor = MONITOR.exec(name);
    if (monitor !== null) {
      // One name for all of a kind: a service for each container's monitor would be a profile for each.
      if (!inGuest) unit = monitor[1] === undefined ? "conmon" : `${monitor[1]}-conmon`;
      break;
    }
    const found = containerOf(names, level);
    if (found !== undefined) {
      candidates.push({ ...found, podUid });
      inGuest = true;
    } else if (!inGuest) {
      const guest = guestOf(names, level);
      unit = guest ?? (UNIT.test(name) ? unescapeUnit(name) : unit);
      inGuest = guest !== undefined;
    }
  }
  return {
    containerIds: candidates.map(({ id }) => id),
    podUids: candidates.map((candidate) => candidate.podUid),
    podUid: outermostPod,
    runtime: candidates[0]?.runtime,
    unit: candidates.length === 0 && podUid === undefined ? unit : undefined,
  };
}

function podOf(name: string): string | undefined {
  const slice = COLONS.exec(name)?.[1] ?? name;
  return POD.exec(slice)?.[1] ?? POD_SLICE.exec(slice)?.[1].replaceAll("_", "-");
}

function containerOf(names: readonly string[], level: number): Omit<Candidate, "podUid"> | undefined {
  const name = names[level];
  const parent = level === 0 ? "" : names[level - 1];
  if (HEX_ID.test(name)) {
    // Podman without systemd: /libpod_parent/<pod>/libpod-<container>.
    return parent === "libpod_parent" ? undefined : { id: name, runtime: parent === "docker" ? "docker" : undefined };
  }
  const prefixed = PREFIXED_ID.exec(name);
  if (prefixed !== null) {
    const [, prefix, id, scope] = prefixed;
    if (scope === undefined && !PREFIXES_WITHOUT_SCOPE.has(prefix)) return undefined;
    return { id, runtime: PREFIX_RUNTIMES[prefix] };
  }
  const colons = COLONS.exec(name);
  if (colons !== null) {
    const [, , prefix, id] = colons;
    // Docker's own ids are hexadecimal; another after its prefix is a build's.
    if (!isContainerdName(id) || (prefix === "docker" && !HEX_ID.test(id))) return undefined;
    return { id, runtime: PREFIX_RUNTIMES[prefix] };
  }
  if (ECS_ID.exec(name)?.[1] === parent && parent !== "") return { id: name, runtime: undefined };
  if (level === 1 && isContainerdNamespace(parent) && isContainerdName(name) && podOf(name) === undefined) {
    return { id: name, runtime: undefined };
  }
  return undefined;
}

/** What is no container that a runtime lists, and yet has an inside of its own. */
function guestOf(names: readonly string[], level: number): string | undefined {
  const name = names[level];
  const parent = level === 0 ? "" : names[level - 1];
  const lxc = LXC_PAYLOAD.exec(name)?.[1] ?? (LXC_PARENT.test(parent) ? name : undefined);
  if (lxc !== undefined) return `lxc/${lxc}`;
  if (LXC_MONITOR.test(name)) return "lxc.monitor";
  if (GUEST_UNIT.test(name)) return unescapeUnit(name);
  // BuildKit's steps: /docker/buildkit/<id>, /buildkit/<id>, system.slice:docker:<id>.
  const isBuild = COLONS.exec(name)?.[2] === "docker" || (parent === "buildkit" && level <= 2);
  return isBuild ? "buildkit" : undefined;
}

function isContainerdNamespace(name: string): boolean {
  return isContainerdName(name) && !NOT_A_NAMESPACE.test(name);
}

function isContainerdName(name: string): boolean {
  return name.length <= CONTAINERD_NAME_LENGTH && CONTAINERD_NAME.test(name) && !UNIT.test(name);
}

/** systemd writes what a cgroup's name may not hold, and a dash within a part, as `\x2d`. */
function unescapeUnit(name: string): string {
  if (!name.includes("\\x")) return name;
  return name.replace(/(?:\\x[0-9a-f]{2})+/g, (escaped) =>
    Buffer.from(escaped.replaceAll("\\x", ""), "hex").toString("utf8"),
  );
}
