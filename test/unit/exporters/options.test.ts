import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, it } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import { chooseIntake, INTAKES, intakeOf, openIntake } from "#src/exporters/intakes.js";
import { parseAddress, shownAddress } from "#src/exporters/options/address.js";
import { Secret, SecretMissing } from "#src/exporters/options/secret.js";

const folder = mkdtempSync(path.join(tmpdir(), "hostflame-options-"));
after(() => rmSync(folder, { recursive: true }));
const key = "0123456789abcdef0123456789abcdef";

function problemOf(kind: string, url: string | undefined, options: Readonly<Record<string, string>> = {}): string {
  try {
    openIntake({ kind, url, options });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return "";
}

describe("a URL means", () => {
  const meanings: readonly (readonly [string, string])[] = [
    ["http://10.0.0.1:8126", "datadog"],
    ["http://localhost:8126/profiling/v1/input", "datadog"],
    ["unix:///var/run/datadog/apm.socket", "datadog"],
    ["unix:///var/run/4040:9529/ingest", "datadog"],
    ["https://intake.profile.datadoghq.eu", "datadog"],
    ["http://anything.example", "datadog"],
    ["http://10.0.0.1:9529", "datakit"],
    ["http://datakit-service.datakit.svc:9529", "datakit"],
    ["http://datakit.example/profiling/v1/input", "datakit"],
    ["http://pyroscope:4040", "pyroscope"],
    ["http://pyroscope.monitoring.svc.cluster.local", "pyroscope"],
    ["https://profiles-prod-001.grafana.net", "pyroscope"],
    ["https://proxy.example/ingest", "pyroscope"],
    ["http://parca:7070", "parca"],
    ["https://parca.example", "parca"],
    ["http://collector:4317", "otlp"],
    ["http://collector:4318", "otlp"],
    ["http://otel-collector.example", "otlp"],
    ["https://a.example/v1development/profiles", "otlp"],
    ["http://10.0.0.1:10100", "profefe"],
    ["http://notparcaatall.example:8126", "datadog"],
    ["http://sparca.example", "datadog"],
    ["no url", "datadog"],
  ];
  for (const [url, kind] of meanings) {
    it(`${kind}: ${url}`, () => assert.equal(chooseIntake(url).intake.kind, kind));
  }

  it("and the choice says why", () => {
    assert.equal(chooseIntake("http://10.0.0.1:4040").because, "its port 4040");
    assert.equal(chooseIntake("http://datakit.example").because, "its host's name datakit.example");
  });

  it("nothing else where the kind is named", () => {
    assert.equal(openIntake({ kind: "pyroscope", url: "http://10.0.0.1:8126", options: {} }).name, "pyroscope");
    assert.throws(() => intakeOf("toString"), /there is no intake "toString"; there are datadog, datakit, /);
  });
});

describe("an address", () => {
  it("is shown as it is used", () => {
    const shown = (text: string, ownPath?: string) => shownAddress(parseAddress(text, ownPath));
    assert.equal(shown("http://host"), "http://host:80");
    assert.equal(shown("https://host/"), "https://host:443");
    assert.equal(shown("http://[::1]:8126"), "http://[::1]:8126");
    assert.equal(shown("http://host:9529/profiling/v1/input", "/profiling/v1/input"), "http://host:9529");
    assert.equal(shown("http://host:9529/a/profiling/v1/input/", "/profiling/v1/input"), "http://host:9529/a");
    assert.equal(shown("unix:///run/a%20b.sock"), "unix:///run/a b.sock");
  });

  it("that is wrong is told in one sentence, without its password", () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ["", /is no URL/],
      ["host:8126/x", /neither http/],
      ["ftp://host", /neither http/],
      ["http://user:hunter2@host", /user or a password/],
      ["http://host?key=hunter2", /query/],
      ["http://host#hunter2", /fragment/],
      ["unix://relative/hunter2", /absolute path/],
      ["unix:///", /absolute path/],
      ["http://user:hunter2@ho st", /is no URL/],
    ];
    for (const [text, pattern] of cases) {
      const problem = problemOf("datadog", text);
      assert.match(problem, /^datadog's URL ".*\.$/);
      assert.match(problem, pattern, text);
      if (!text.startsWith("unix")) assert.ok(!/hunter2(?!")/.test(problem), problem);
    }
  });

  it("is read or refused, whatever it is", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.webUrl({ withQueryParameters: true })), (text) => {
        for (const { kind } of INTAKES) assert.ok(!/[\0-\x1f\x7f]/.test(problemOf(kind, text)));
      }),
    );
  });
});

describe("an option that is wrong is named in one sentence", () => {
  const missing = path.join(folder, "missing");
  const noCertificate = path.join(folder, "no-certificate");
  writeFileSync(noCertificate, "hello");
  const cases: readonly (readonly [string, string | undefined, Readonly<Record<string, string>>, string])[] = [
    [
      "pyroscope",
      "http://p:4040",
      { protocol: "grpc" },
      `pyroscope's option "protocol" has the value "grpc"; it accepts push or ingest.`,
    ],
    [
      "parca",
      "http://p:7070",
      { protcol: "grpc" },
      `parca has no option "protcol"; it has ca-file, insecure, name, protocol, timeout, token, token-file.`,
    ],
    [
      "datadog",
      undefined,
      {},
      `datadog needs the URL at which a Datadog Agent listens; give one such as http://host:port.`,
    ],
    [
      "datadog",
      undefined,
      { "api-key": "short" },
      `datadog's option "api-key" has a value (not shown); it accepts Datadog's API key, 32 lower-case letters and digits.`,
    ],
    [
      "datadog",
      "https://intake.profile.datadoghq.eu",
      {},
      `datadog sends to https://intake.profile.datadoghq.eu:443 with an API key only; give its option "api-key-file".`,
    ],
    [
      "datadog",
      undefined,
      { "api-key": key, site: "evil.example/x?" },
      `datadog's option "site" has the value "evil.example/x?"; it accepts a site of Datadog's such as datadoghq.eu.`,
    ],
    [
      "datadog",
      "http://intake.profile.example",
      { "api-key": key },
      `datadog would send a secret to http://intake.profile.example:80 unencrypted; write https://, or set its option "insecure" to true.`,
    ],
    [
      "profefe",
      "http://p:10100",
      { timeout: "0" },
      `profefe's option "timeout" has the value "0"; it accepts a time of 1 s to 300 s such as 30s.`,
    ],
    [
      "profefe",
      "http://p:10100",
      { insecure: "yes" },
      `profefe's option "insecure" has the value "yes"; it accepts true or false.`,
    ],
    [
      "profefe",
      "http://p:10100",
      { "ca-file": missing },
      `profefe's option "ca-file" names ${missing}, which cannot be read (ENOENT); correct the path.`,
    ],
    [
      "profefe",
      "http://p:10100",
      { "ca-file": noCertificate },
      `profefe's option "ca-file" names ${noCertificate}, which holds no certificate in PEM; give one that does.`,
    ],
    [
      "profefe",
      "http://p:10100",
      { name: "../x" },
      `profefe's option "name" has the value "../x"; it accepts a name of letters, digits, dots and dashes.`,
    ],
    ["pyroscope", "https://p", { user: "1" }, `pyroscope has a user and no password; give "password-file" too.`],
    [
      "pyroscope",
      "https://p",
      { password: "secret-1" },
      `pyroscope has a password and no user; give its option "user" too.`,
    ],
    [
      "pyroscope",
      "https://p",
      { user: "1", password: "secret-1", token: "secret-2" },
      `pyroscope has both a password and a token; give one of them.`,
    ],
    [
      "pyroscope",
      "http://p:4040",
      { token: "secret-1" },
      `pyroscope would send a secret to http://p:4040 unencrypted; write https://, or set its option "insecure" to true.`,
    ],
    [
      "pyroscope",
      "https://p",
      { token: "two\r\nlines: 1" },
      `pyroscope's option "token" has a value (not shown); it accepts one line of text.`,
    ],
    [
      "pyroscope",
      "https://p",
      { tenant: "a b" },
      `pyroscope's option "tenant" has the value "a b"; it accepts a tenant's name.`,
    ],
    [
      "otlp",
      "http://c:4318",
      { headers: "a=1,b" },
      `otlp's option "headers" has a value (not shown); it accepts headers such as name=value,name=value.`,
    ],
    [
      "otlp",
      "http://c:4318",
      { headers: "a=%0d%0ab: 1" },
      `otlp's option "headers" has a value (not shown); it accepts headers such as name=value,name=value.`,
    ],
  ];
  for (const [kind, url, options, sentence] of cases) {
    it(sentence, () => assert.equal(problemOf(kind, url, options), sentence));
  }

  it("and what is right is taken", () => {
    const right: readonly (readonly [string, string | undefined, Readonly<Record<string, string>>, string])[] = [
      ["datadog", undefined, { "api-key": key }, "https://intake.profile.datadoghq.com:443"],
      [
        "datadog",
        undefined,
        { "api-key": key, site: "us3.datadoghq.com" },
        "https://intake.profile.us3.datadoghq.com:443",
      ],
      // An agent's own key is the agent's affair, and ours is often in the environment.
      ["datadog", "http://agent:8126", { "api-key": key, site: "datadoghq.eu" }, "http://agent:8126"],
      ["pyroscope", "http://p:4040", { token: "secret-1", insecure: "true", timeout: "2m" }, "http://p:4040"],
      ["pyroscope", "http://localhost:4040", { user: "1", "password-file": missing }, "http://localhost:4040"],
      ["otlp", "https://c", { headers: " x-a = 1%2C2 , b=c=d" }, "https://c:443"],
    ];
    for (const [kind, url, options, address] of right) {
      assert.equal(openIntake({ kind, url, options: { ...options, name: "second" } }).address, address);
      assert.equal(openIntake({ kind, url, options: { ...options, name: "second" } }).name, "second");
    }
  });

  it("whatever it is", () => {
    const kinds = INTAKES.map(({ kind, options }) => ({
      kind,
      names: [...Object.keys(options), "other", "__proto__"],
    }));
    const given = fc.constantFrom(...kinds).chain(({ kind, names }) => {
      const text = fc.oneof(
        fc.string({ unit: "binary" }),
        fc.constantFrom("true", "push", "grpc", "5s", "/etc/hostname", "a=b"),
      );
      return fc.tuple(fc.constant(kind), fc.dictionary(fc.constantFrom(...names), text, { maxKeys: 3 }));
    });
    fc.assert(
      fc.property(given, ([kind, options]) => {
        assert.match(problemOf(kind, "https://host", options), /^(|[^\0-\x1f\x7f]+\.)$/);
      }),
    );
  });
});

describe("a secret", () => {
  it("is printed by nothing", () => {
    const secret = Secret.of("hunter2-hunter2");
    const printed = [
      String(secret),
      JSON.stringify({ secret }),
      inspect({ secret }, { depth: 9, showHidden: true }),
      "".concat(String(secret)),
    ];
    assert.ok(
      printed.every((text) => text.includes("***") && !text.includes("hunter2")),
      printed.join(),
    );
  });

  it("in a file is read at each use, and what is no secret is told apart", async () => {
    const file = path.join(folder, "key");
    const secret = Secret.inFile(file);
    const problem = (): Promise<string> =>
      secret.read().then(
        () => "none",
        (error: unknown) => (error instanceof SecretMissing ? error.message : "other"),
      );
    assert.match(await problem(), /cannot be read \(ENOENT\); /);
    writeFileSync(file, "first\n");
    assert.equal(await secret.read(), "first");
    writeFileSync(file, "second");
    assert.equal(await secret.read(), "second");
    for (const text of ["", " \n", "two\nlines", "é", "x".repeat(20_000)]) {
      writeFileSync(file, text);
      assert.match(await problem(), /holds no single line of text; correct it\.$/);
    }
  });

  it("that is missing delays an upload and does not lose it", async () => {
    const destination = openIntake({
      kind: "pyroscope",
      url: "https://127.0.0.1:1",
      options: { "token-file": path.join(folder, "none") },
    });
    const upload = { id: "1", startNs: 0n, endNs: 1n, profiles: 1, path: "/", headers: {}, body: new Uint8Array() };
    const result = await destination.send(upload, new AbortController().signal);
    assert.deepEqual([result.kind, result.kind === "accepted" ? "" : result.reason], ["retry", "credentials"]);
  });
});
