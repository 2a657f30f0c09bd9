import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";

import { renderFlamegraph } from "#src/flamegraph/page.js";
import { chromiumMissing, PageOpener } from "../../support/chromium.js";
import { clickFrame, crumbsOf, drawnFrames, hoverFrame, textOf, tooltipOf } from "../../support/flamegraph-page.js";
import { knownProfile } from "../../support/known-profile.js";
import { ProfileBuilder } from "../../support/profile-builder.js";

const NAMES = [
  "</script><script>window.hacked = 1</script>",
  "<img src=x onerror='window.hacked = 2'>",
  '--><svg onload="window.hacked = 3">',
  "\"'`${window.hacked = 4}",
  "</style><style>*{display:none}",
  "javascript:window.hacked=5//",
  "toString",
  "__proto__",
];

const about = { host: NAMES[0], tool: NAMES[1] };

describe("hostile names in Chromium", { skip: chromiumMissing }, () => {
  let opener: PageOpener;
  before(async () => {
    opener = await PageOpener.launch();
  });
  after(() => opener.close());

  test("are text wherever they are shown", async () => {
    const builder = new ProfileBuilder();
    const locations = NAMES.map((name) => builder.location([name], `/usr/bin/${name}`, "native"));
    const html = renderFlamegraph(builder.addFrames(NAMES[2], locations, 5).build(), about);
    const { page, complaints, requests } = await opener.open(html);

    assert.equal(await page.title(), `${NAMES[0]} · flame graph`);
    assert.equal(await textOf(page, "host"), NAMES[0]);
    assert.deepEqual(
      (await drawnFrames(page)).map(({ name }) => name),
      ["all", NAMES[2], ...NAMES],
    );
    await hoverFrame(page, NAMES[1]);
    assert.equal((await tooltipOf(page))?.[0], NAMES[1]);
    await clickFrame(page, NAMES[4]);
    assert.equal((await crumbsOf(page)).at(-1), NAMES[4]);
    await page.keyboard.press("/");
    await page.keyboard.type("<img src=x");
    assert.equal(await textOf(page, "matched"), "100 %");

    assert.equal(await page.evaluate("typeof window.hacked"), "undefined");
    assert.deepEqual(complaints, []);
    assert.deepEqual(requests, []);
  });

  test("cannot end a line or turn its direction", async () => {
    const names = ["a\u2028b", "c\u202ed", "e\nf", "\u0000", "\u2066"];
    const builder = new ProfileBuilder();
    const locations = names.map((name) => builder.location([name], "/x", "jit"));
    const { page, complaints } = await opener.open(
      renderFlamegraph(builder.addFrames("", locations, 1).build(), about),
    );
    const shown = (await drawnFrames(page)).map(({ name }) => name);
    assert.deepEqual(shown, ["all", "[unknown]", "a b", "c d", "e f", " ", " "]);
    assert.deepEqual(complaints, []);
  });

  test("would find no network and no way to run a script", async () => {
    let reached = 0;
    const server = createServer((_request, response) => {
      reached++;
      response.end();
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    const { page, complaints } = await opener.open(renderFlamegraph(knownProfile(), about));
    await page.evaluate(`(async () => {
      const address = "http://127.0.0.1:${port}/";
      await fetch(address).catch(() => {});
      const script = document.createElement("script");
      script.textContent = "window.hacked = 6";
      document.body.append(script);
      const image = new Image();
      await new Promise((done) => {
        image.onload = image.onerror = done;
        image.src = address;
      });
    })()`);
    assert.equal(await page.evaluate("typeof window.hacked"), "undefined");
    assert.equal(reached, 0);
    const policy = complaints.filter((text) => text.includes("Content Security Policy"));
    for (const directive of ["connect-src", "script-src", "img-src"]) {
      assert.ok(
        policy.some((text) => text.includes(directive)),
        `${directive}: ${policy.join("\n")}`,
      );
    }
    server.close();
  });
});
