import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { openContainerDirectory } from "#src/containers/container-directory.js";
import type { ContainerDirectory, DirectoryOptions } from "#src/containers/directory.js";
import { KnownContainers } from "#src/containers/known-containers.js";
import { MissingContainers } from "#src/containers/missing-containers.js";
import { findSockets, RUNTIMES } from "#src/containers/runtimes/index.js";
import type { Container } from "#src/model/container.js";
import { ContainerdServer } from "../../support/runtimes/containerd-server.js";
import { DockerServer } from "../../support/runtimes/docker-server.js";
import type { RuntimeServer, Wanted } from "../../support/runtimes/server.js";
import { until } from "../../support/until.js";

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), "hostflame-directory-"));
  closing.push(() => rmSync(made, { recursive: true }));
  return made;
}

async function started<Server extends RuntimeServer>(server: Server): Promise<Server> {
  await server.start();
  closing.push(() => server.stop());
  return server;
}

function open(options: DirectoryOptions): ContainerDirectory {
  const directory = openContainerDirectory({ timeoutMs: 1000, retryMs: 30, checkMs: 100, discoverMs: 50, ...options });
  closing.push(() => directory.close());
  return directory;
}

function idOf(number: number): string {
  return number.toString(16).padStart(64, "c");
}

function wanted(number: number, facts: Partial<Wanted> = {}): Wanted {
  const rest = { labels: {}, environment: [`DD_SERVICE=s${number}`], sandbox: false };
  return { id: idOf(number), name: `n${number}`, image: "i:1", ...rest, ...facts };
}

const connected = ({ health }: ContainerDirectory) => health.every((one) => one.health.state === "connected");

describe("the directory of containers", () => {
  it("finds what there is, and is told of what comes", async () => {
    const server = await started(new ContainerdServer(path.join(folder(), "s")));
    server.add(wanted(1));
    const directory = open({ sockets: [server.socket] });
    const told: string[] = [];
    directory.onChange(({ id }) => told.push(id));
    await until(() => connected(directory));
    assert.equal(directory.find([idOf(1)])?.variables.DD_SERVICE, "s1");
    server.add(wanted(2));
    await until(() => told.includes(idOf(2)));
    assert.equal(directory.find([idOf(2)])?.name, "n2");
    assert.deepEqual(directory.health[0].counts?.failures.error, 0);
  });

  it("seeks a container again that its runtime lists only later, unasked", async () => {
    const server = await started(new ContainerdServer(path.join(folder(), "s")));
    const directory = open({ sockets: [server.socket] });
    await until(() => connected(directory));
    assert.equal(directory.find([idOf(1)]), undefined);
    await until(() => directory.size.missing === 1);
    // Without an event: as if it had been lost.
    server.containers.set("k8s.io", new Map([[idOf(1), wanted(1)]]));
    await until(() => directory.size.containers === 1, 2000);
    assert.equal(directory.find([idOf(1)])?.name, "n1");
    assert.equal(directory.size.missing, 0);
  });

  it("never takes a container for another's whose name it gave to a cgroup within", async () => {
    const server = await started(new ContainerdServer(path.join(folder(), "s")));
    const directory = open({ sockets: [server.socket] });
    await until(() => connected(directory));
    server.add(wanted(2, { name: "victim" }));
    await until(() => directory.find([idOf(2)]) !== undefined);
    // Not known for a second yet: its own id is waited for.
    const path_ = [idOf(1), idOf(2)];
    for (let i = 0; i < 50; i++) {
      assert.equal(directory.find(path_), undefined);
      await setTimeout(20);
    }
    server.add(wanted(1, { name: "attacker" }));
    await until(() => directory.find(path_) !== undefined);
    assert.equal(directory.find(path_)?.name, "attacker");
  });

  it("finds the containers of a node that is itself one, once the outer id is given up", async () => {
    const server = await started(new ContainerdServer(path.join(folder(), "s")));
    const directory = open({ sockets: [server.socket] });
    await until(() => connected(directory));
    const told: string[] = [];
    directory.onChange(({ name }) => told.push(name));
    assert.equal(directory.find([idOf(1), idOf(2)]), undefined);
    // No event, no list: only who asks learns of it. And nobody asks a second time.
    server.containers.set("k8s.io", new Map([[idOf(2), wanted(2, { name: "inner" })]]));
    await until(() => told.includes("inner"), 10_000);
    assert.equal(directory.find([idOf(1), idOf(2)])?.name, "inner");
  });

  it("believes the runtime that knows more of a container, whoever speaks last", async () => {
    const place = folder();
    const engine = await started(new DockerServer(path.join(place, "d")));
    const beneath = await started(new ContainerdServer(path.join(place, "c")));
    engine.add(wanted(1, { name: "cart" }));
    beneath.add(wanted(1, { name: "", image: "" }), "moby");
    const directory = open({ sockets: [beneath.socket, engine.socket] });
    // Its variables come with the second answer.
    await until(() => connected(directory) && directory.find([idOf(1)])?.variables.DD_SERVICE === "s1");
    beneath.add(wanted(1, { name: "", image: "" }), "moby");
    await setTimeout(100);
    const found = directory.find([idOf(1)]);
    assert.deepEqual([found?.name, found?.image, found?.variables], ["cart", "i:1", { DD_SERVICE: "s1" }]);
  });

  it("asks seldom for the details of a container that ended before they were had", async () => {
    const server = await started(new DockerServer(path.join(folder(), "d")));
    server.add(wanted(1));
    const directory = open({ sockets: [server.socket] });
    await until(() => directory.size.containers === 1);
    server.containers.clear();
    for (let i = 0; i < 50; i++) {
      assert.equal(directory.find([idOf(1)])?.name, "n1");
      await setTimeout(10);
    }
    const asked = server.questions.get("/containers/ID/json") ?? 0;
    assert.ok(asked >= 1 && asked <= 3, `${asked} times`);
  });

  it("does not choose between two containers of one name", async () => {
    const server = await started(new ContainerdServer(path.join(folder(), "s")));
    const directory = open({ sockets: [server.socket] });
    await until(() => connected(directory));
    server.containers.set("default", new Map([["web", wanted(1, { id: "web", name: "" })]]));
    server.containers.set("team", new Map([["web", wanted(2, { id: "web", name: "" })]]));
    directory.find(["web"]);
    await until(() => directory.size.missing === 1);
    assert.equal(directory.find(["web"]), undefined);
    // Nor when it is listed.
    const later = open({ sockets: [server.socket] });
    await until(() => connected(later));
    assert.deepEqual([later.size.containers, later.find(["web"])], [0, undefined]);
  });

  it("finds a socket that comes later, and says until then what to do", async () => {
    const place = folder();
    const socket = path.join(place, "s");
    const file = path.join(place, "file");
    writeFileSync(file, "");
    const directory = open({ sockets: [socket, file] });
    await until(() => directory.health.length === 2);
    for (const { name, health } of directory.health) {
      assert.ok(name === "none" && health.state === "away" && health.detail.endsWith("container."));
    }
    const server = await started(new ContainerdServer(socket));
    server.add(wanted(1));
    await until(() => directory.health.some(({ name }) => name === "containerd"));
    await until(() => directory.find([idOf(1)]) !== undefined);
  });

  it("says so where no runtime is", () => {
    const [{ name, socket, health }] = open({ roots: [folder()] }).health;
    assert.deepEqual([name, socket], ["none", ""]);
    assert.ok(health.state === "away" && health.detail.includes("--runtime-socket"));
  });

  it("keeps what it knows while a runtime is away", async () => {
    const server = await started(new ContainerdServer(path.join(folder(), "s")));
    server.add(wanted(1));
    const directory = open({ sockets: [server.socket] });
    await until(() => directory.find([idOf(1)]) !== undefined);
    await server.stop();
    await until(() => directory.health[0].health.state === "away");
    assert.equal(directory.find([idOf(1)])?.name, "n1");
    // Asked for while nobody answers, found when somebody does.
    server.containers.set("k8s.io", new Map([[idOf(2), wanted(2)]]));
    assert.equal(directory.find([idOf(2)]), undefined);
    assert.equal(directory.size.missing, 0);
    await server.start();
    await until(() => directory.find([idOf(2)]) !== undefined, 5000);
  });

  it("closed while it asks, ends", async () => {
    const server = await started(new ContainerdServer(path.join(folder(), "s")));
    const directory = open({ sockets: [server.socket] });
    server.misbehave("silent");
    directory.find([idOf(1)]);
    await setTimeout(50);
    const start = performance.now();
    await directory.close();
    assert.ok(performance.now() - start < 200);
    directory.find([idOf(2)]);
  });
});

describe("usual sockets", () => {
  it("are found under the roots, one for each way that leads to it, in order of preference", async () => {
    const root = folder();
    for (const name of ["run/containerd", "run/crio", "var"]) mkdirSync(path.join(root, name), { recursive: true });
    symlinkSync(path.join(root, "run"), path.join(root, "var/run"));
    const docker = await started(new DockerServer(path.join(root, "run/docker.sock")));
    const containerd = await started(new ContainerdServer(path.join(root, "run/containerd/containerd.sock")));
    writeFileSync(path.join(root, "run/crio/crio.sock"), "");
    const found = findSockets([path.join(root, "nowhere"), root]);
    assert.deepEqual(
      found.map(({ module, socket }) => [module.name, socket]),
      [
        ["containerd", containerd.socket],
        ["docker", docker.socket],
      ],
    );
  });

  it("are relative, and no two runtimes' alike", () => {
    const all = RUNTIMES.flatMap(({ sockets }) => sockets);
    assert.equal(new Set(all).size, all.length);
    assert.ok(all.every((socket) => !socket.startsWith("/")));
  });
});

describe("known containers", () => {
  const container = (id: string, facts: Partial<Container> = {}): Container => ({
    ...{ id, runtime: "docker", name: "n", image: "i", pod: undefined, sandbox: false, variables: {} },
    ...facts,
  });

  it("are bounded: the least used go first, and those that nobody asks for", () => {
    const known = new KnownContainers();
    known.learn(container("kept"), true, 0);
    for (let i = 0; i < 10_000; i++) {
      known.learn(container(String(i)), true, i);
      known.use("kept", i);
    }
    assert.equal(known.size, 4096);
    assert.ok(known.use("kept", 10_000) && known.use("9999", 10_000) && known.use("1", 10_000) === undefined);
    known.sweep(10_000 + 10 * 60_000);
    assert.equal(known.size, 2);
    known.sweep(10_001 + 10 * 60_000);
    assert.equal(known.size, 0);
  });

  it("are news only when something changed, and keep their variables over a list that has none", () => {
    const known = new KnownContainers();
    const whole = container("a", { variables: { DD_ENV: "x" } });
    assert.equal(known.learn(container("a"), false, 0), true);
    assert.equal(known.use("a", 0)?.whole, false);
    assert.equal(known.learn(whole, true, 0), true);
    assert.equal(known.learn(whole, true, 0), false);
    assert.equal(known.learn(container("a"), false, 0), false);
    assert.deepEqual(known.use("a", 0), { container: whole, whole: true, usedMs: 0 });
    assert.equal(known.learn(container("a", { name: "renamed" }), false, 0), true);
    assert.deepEqual(known.use("a", 0)?.container.variables, { DD_ENV: "x" });
    assert.equal(known.use("a", 0)?.whole, false);
  });
});

describe("missing containers", () => {
  it("are sought at growing intervals, given up, and sought seldom then; bounded", () => {
    const missing = new MissingContainers();
    const givenUp = [0, 250, 1250, 5250].map((atMs) => {
      assert.ok(missing.isDue("a", atMs) && (atMs === 0 || !missing.isDue("a", atMs - 1)));
      return missing.miss("a", ["b"], atMs);
    });
    assert.deepEqual(givenUp, [false, false, false, true]);
    assert.ok(missing.isGivenUp("a") && missing.nextDueMs() === undefined && missing.due(99_999).length === 0);
    assert.ok(!missing.isDue("a", 50_249) && missing.isDue("a", 50_250));
    for (let i = 0; i < 10_000; i++) missing.miss(String(i), [], 0);
    assert.equal(missing.size, 4096);
  });
});
