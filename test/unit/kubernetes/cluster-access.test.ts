import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, it } from "node:test";
import { ApiProblem } from "#src/kubernetes/api-problem.js";
import { findClusterAccess } from "#src/kubernetes/find-cluster.js";
import { inClusterAccess } from "#src/kubernetes/in-cluster.js";
import { kubeconfigAccess } from "#src/kubernetes/kubeconfig.js";

const folder = mkdtempSync(path.join(tmpdir(), "hostflame-access-"));
after(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
}

function kubeconfig(server: string, user: string): string {
  return `
apiVersion: v1
kind: Config
current-context: here
clusters: [{name: one, cluster: {server: "${server}"}}]
users: [{name: me, user: ${user}}]
contexts: [{name: here, context: {cluster: one, user: me}}]
`;
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ApiProblem && error.reason === "credentials");
  return error.message;
}

describe("a service account", () => {
  it("is read for each request: the kubelet replaces its token", async () => {
    write("ca.crt", "authority");
    write("token", "first\n");
    const access = inClusterAccess("10.96.0.1", "443", folder);
    const { server, headers, options } = await access.endpoint();
    assert.deepEqual(
      [server.href, headers.authorization, options.ca],
      ["https://10.96.0.1/", "Bearer first", "authority"],
    );
    write("token", "second");
    assert.equal((await access.endpoint()).headers.authorization, "Bearer second");
  });

  it("may be told an IPv6 address", async () => {
    const { server } = await inClusterAccess("fd00::1", "6443", folder).endpoint();
    assert.equal(server.host, "[fd00::1]:6443");
  });

  it("that is not mounted is said to be so", async () => {
    const message = await refusal(inClusterAccess("10.96.0.1", "443", "/nowhere").endpoint());
    assert.match(message, /\/nowhere\/\S+ cannot be read \(ENOENT\): give the pod a serviceAccountName/);
  });
});

describe("a kubeconfig", () => {
  it("says where and with what; of several files the first decides, and the others add", async () => {
    const first = write("first", kubeconfig("https://one:6443/prefix", "{token: abc}"));
    const second = write("second", kubeconfig("https://two:6443", "{token: xyz}").replaceAll("here", "there"));
    const { server, headers } = await kubeconfigAccess([first, second]).endpoint();
    assert.deepEqual([server.href, headers["Authorization"]], ["https://one:6443/prefix", "Bearer abc"]);
  });

  it("that cannot be read, understood or used is said to be so, without its secrets", async () => {
    const secret = write("secret", kubeconfig("https://one", "{token: hunter2, hunter2: {, }"));
    for (const [file, why] of [
      ["/nowhere/config", /ENOENT/],
      [secret, /KUBECONFIG=\S+ cannot be used: /],
      [write("empty", "{}"), /cannot be used/],
      [write("no-url", kubeconfig("nonsense", "{}")), /Invalid URL/],
    ] as const) {
      const message = await refusal(kubeconfigAccess([file]).endpoint());
      assert.match(message, why);
      assert.doesNotMatch(message, /hunter2|\n/);
    }
  });
});

describe("the cluster that we are in", () => {
  it("is KUBECONFIG's, else the pod's own, else none", async () => {
    const file = write("config", kubeconfig("https://one:6443", "{token: abc}"));
    const inPod = { KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "443" };
    const found = await findClusterAccess({ ...inPod, KUBECONFIG: file })?.endpoint();
    assert.equal(found?.server.host, "one:6443");
    assert.match(await refusal(findClusterAccess(inPod)!.endpoint()), /service account/);
    assert.equal(findClusterAccess({ KUBECONFIG: "" }), undefined);
  });
});
