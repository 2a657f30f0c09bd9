import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { readContainer, readNamespaces, idOfEvent } from "#src/containers/runtimes/containerd-messages.js";
import { readContainerStatus, readList, readSandboxStatus } from "#src/containers/runtimes/cri-messages.js";
import { cutText, variablesOf, variablesOfSpec } from "#src/containers/runtimes/description.js";
import { MalformedMessage } from "#src/protobuf/reader.js";
import { MessageWriter } from "#src/protobuf/writer.js";

const ID = "a".repeat(64);

function containerd(fields: {
  id?: string;
  image?: string;
  labels?: Record<string, string>;
  spec?: string;
}): Uint8Array {
  const message = new MessageWriter().text(1, fields.id ?? ID).textEntries(2, Object.entries(fields.labels ?? {}));
  message.text(3, fields.image ?? "");
  if (fields.spec !== undefined) message.message(5, new MessageWriter().bytes(2, Buffer.from(fields.spec)));
  return message.finish();
}

const none = () => assert.fail("nothing is malformed");

describe("a container's description", () => {
  it("is cut to 1 KiB a text, within no character", () => {
    const check = (text: string) => {
      const cut = cutText(text);
      assert.ok(Buffer.byteLength(cut) <= 1024 && text.startsWith(cut) && !cut.includes("\ufffd"));
      if (Buffer.byteLength(text) <= 1024) assert.equal(cut, text);
      else assert.ok(Buffer.byteLength(cut) > 1020);
    };
    const base = fc.string({ unit: fc.constantFrom("a", "ü", "語", "🔥"), minLength: 200, maxLength: 1500 });
    fc.assert(fc.property(base, check));
    const container = readContainer(containerd({ image: "i".repeat(5000) }), "k8s.io", none);
    assert.equal(container?.image.length, 1024);
  });

  it("is frozen, pod and variables too", () => {
    const labels = { "io.kubernetes.pod.uid": "u", "io.kubernetes.pod.name": "p" };
    const spec = JSON.stringify({ process: { env: ["DD_ENV=prod"] } });
    const container = readContainer(containerd({ labels, spec }), "k8s.io", none);
    for (const part of [container, container?.pod, container?.variables]) assert.ok(Object.isFrozen(part));
  });

  it("tells Docker's, a sandbox and ctr's by the namespace, a label and the id", () => {
    assert.equal(readContainer(containerd({}), "moby", none)?.runtime, "docker");
    const sandbox = readContainer(containerd({ labels: { "io.cri-containerd.kind": "sandbox" } }), "k8s.io", none);
    assert.equal(sandbox?.sandbox, true);
    assert.equal(readContainer(containerd({ id: "web" }), "default", none)?.name, "web");
    assert.equal(readContainer(containerd({ labels: { "nerdctl/name": "shop" } }), "default", none)?.name, "shop");
    assert.equal(readContainer(containerd({ id: "" }), "default", none), undefined);
  });

  it("has no more than the service variables, the last of a name, and none that is too long", () => {
    const environment = [
      "DD_SERVICE=a",
      "DD_SERVICE=b",
      "PASSWORD=x",
      "DD_ENV",
      "DD_VERSION=",
      7,
      null,
      "DD_SERVICES=z",
    ];
    assert.deepEqual(variablesOf(environment), { DD_SERVICE: "b", DD_VERSION: "" });
    assert.deepEqual(variablesOf([`OTEL_RESOURCE_ATTRIBUTES=${"x".repeat(5000)}`]), {});
    assert.deepEqual(variablesOf(["__proto__=x", "constructor=y"]), {});
    for (const odd of [undefined, null, {}, "DD_ENV=x", 7]) assert.deepEqual(variablesOf(odd), {});
  });

  it("is kept where its specification makes no sense, which is counted", () => {
    for (const spec of ["", "{", "[]", "7", "null", `"${"x".repeat(2 * 1024 * 1024)}"`]) {
      let malformed = 0;
      const container = readContainer(containerd({ image: "i", spec }), "k8s.io", () => malformed++);
      assert.deepEqual([container?.image, container?.variables, malformed], ["i", {}, 1], spec.slice(0, 9));
    }
    const odd = ['{"process":7}', '{"process":{"env":{}}}', "{}", '{"__proto__":{"process":{"env":["DD_ENV=x"]}}}'];
    for (const spec of odd) assert.deepEqual(variablesOfSpec(Buffer.from(spec)), {}, spec);
    assert.deepEqual(variablesOfSpec(Buffer.from('{"process":{"env":["DD_ENV=\xff"]}}', "latin1")), {
      DD_ENV: "\ufffd",
    });
  });

  it("of namespaces takes only what may be a header", () => {
    const answer = new MessageWriter();
    for (const name of ["k8s.io", "a\r\nb: c", "", "ü", "x".repeat(200)]) {
      answer.message(1, new MessageWriter().text(1, name));
    }
    assert.deepEqual(readNamespaces(answer.finish()), ["k8s.io"]);
  });

  it("of any bytes is one, or refused", () => {
    const readers: readonly ((bytes: Uint8Array) => unknown)[] = [
      (bytes) => readContainer(bytes, "k8s.io", () => {}),
      (bytes) => readContainerStatus(bytes, "cri-o", () => {}),
      (bytes) => readSandboxStatus(bytes, "cri-o"),
      (bytes) => readList(bytes, "container", "cri-o"),
      (bytes) => readList(bytes, "sandbox", "cri-o"),
      idOfEvent,
      readNamespaces,
    ];
    const noise = fc.uint8Array({ maxLength: 120 });
    // Bytes with the shape of the real thing, so that more than the first tag is met.
    const shaped = fc
      .array(fc.tuple(fc.integer({ min: 1, max: 18 }), noise), { maxLength: 6 })
      .map((fields) =>
        fields.reduce((message, [field, bytes]) => message.bytes(field, bytes), new MessageWriter()).finish(),
      );
    const nested = shaped.map((inner) => new MessageWriter().bytes(1, inner).bytes(4, inner).bytes(5, inner).finish());
    const check = (bytes: Uint8Array) => {
      for (const read of readers) {
        try {
          read(bytes);
        } catch (error) {
          assert.ok(error instanceof MalformedMessage, String(error));
        }
      }
    };
    fc.assert(fc.property(fc.oneof(noise, shaped, nested), check), { numRuns: 3000 });
  });
});
