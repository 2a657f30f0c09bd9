import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after } from "node:test";
import { datadog } from "#src/exporters/datadog.js";
import { datakit } from "#src/exporters/datakit.js";
import { otlp } from "#src/exporters/otlp.js";
import { parca } from "#src/exporters/parca.js";
import { profefe } from "#src/exporters/profefe.js";
import { pyroscope } from "#src/exporters/pyroscope.js";
import { describeDestination, USUALLY_RETRIED } from "../../support/intakes/describe-destination.js";
import { openGrpcIntake } from "../../support/intakes/grpc-intake.js";
import { openHttpIntake } from "../../support/intakes/http-intake.js";

const folder = mkdtempSync(path.join(tmpdir(), "hostflame-intakes-"));
after(() => rmSync(folder, { recursive: true }));
let sockets = 0;

const overHttp = { open: () => openHttpIntake(), retried: USUALLY_RETRIED };
const apiKey = "0123456789abcdef0123456789abcdef";

describeDestination("datadog, of an agent over TCP", { module: datadog, options: {}, ...overHttp });
describeDestination("datadog, of an agent at a Unix socket", {
  ...overHttp,
  module: datadog,
  options: {},
  open: () => openHttpIntake({ socket: path.join(folder, String(sockets++)) }),
});
describeDestination("datadog, without an agent", {
  ...overHttp,
  module: datadog,
  options: { "api-key": apiKey },
  secret: apiKey,
  path: "/api/v2/profile",
});
describeDestination("datakit", { module: datakit, options: {}, ...overHttp });
describeDestination("pyroscope", {
  ...overHttp,
  module: pyroscope,
  options: { tenant: "shop", user: "1234", password: "pass-word-5678" },
  secret: "pass-word-5678",
});
describeDestination("pyroscope, at /ingest", {
  ...overHttp,
  module: pyroscope,
  options: { protocol: "ingest", token: "token-5678" },
  secret: "token-5678",
});
describeDestination("parca over gRPC", {
  module: parca,
  options: { token: "token-5678" },
  secret: "token-5678",
  open: () => openGrpcIntake(),
});
describeDestination("parca's gateway", {
  ...overHttp,
  module: parca,
  options: { protocol: "http", token: "token-5678" },
  secret: "token-5678",
});
describeDestination("otlp over HTTP", {
  ...overHttp,
  module: otlp,
  options: { headers: "x-key=key-5678%20x,other=1" },
  secret: "key-5678 x",
  retried: [429, 502, 503, 504],
});
describeDestination("otlp over gRPC", {
  module: otlp,
  options: { protocol: "grpc", headers: "x-key=key-5678" },
  secret: "key-5678",
  open: () => openGrpcIntake(),
});
describeDestination("profefe", { module: profefe, options: {}, ...overHttp });
