import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Page } from "playwright-core";

import { renderFlamegraph } from "#src/flamegraph/page.js";
import { chromiumMissing, PageOpener, type OpenedPage } from "../../support/chromium.js";
import {
  clickFrame,
  crumbsOf,
  drawnFrames,
  frameNamed,
  hoverFrame,
  takeScreenshot,
  textOf,
  tooltipOf,
} from "../../support/flamegraph-page.js";
import { knownProfile } from "../../support/known-profile.js";
import { ProfileBuilder } from "../../support/profile-builder.js";

const about = { host: "node-a7", tool: "hostflame 0.1.0" };

describe("a small flame graph in Chromium", { skip: chromiumMissing }, () => {
  let opener: PageOpener;
  let opened: OpenedPage;
  let page: Page;
  before(async () => {
    opener = await PageOpener.launch();
    opened = await opener.open(renderFlamegraph(knownProfile(), about));
    page = opened.page;
  });
  after(async () => {
    assert.deepEqual(opened.complaints, []);
    assert.deepEqual(opened.requests, []);
    await opener.close();
  });

  test("the header names host, date, duration, samples, frequency and tool", async () => {
    assert.equal(await page.title(), "node-a7 · flame graph");
    assert.equal(await textOf(page, "host"), "node-a7");
    const facts = await page.locator("#facts dd").allInnerTexts();
    assert.deepEqual(facts, ["2026-01-02 03:04:05 UTC", "10 s", "1,000 samples", "100 Hz", "hostflame 0.1.0"]);
    await takeScreenshot(page, "flamegraph-known");
  });

  test("widths are the samples' shares of the canvas, and callees fit under their caller", async () => {
    const frames = await drawnFrames(page);
    const all = await frameNamed(page, "all");
    assert.ok(all.width > 1300);
    for (const frame of frames) {
      const share = (frame.samples / 1000) * all.width;
      assert.ok(Math.abs(frame.width - share) < 0.01, `${frame.name}: ${frame.width} for ${share}`);
      if (frame.depth === 0) continue;
      const caller = frames.find(({ depth, left, width }) => {
        return depth === frame.depth - 1 && left <= frame.left + 0.01 && frame.left < left + width;
      });
      assert.ok(frame.left + frame.width <= caller!.left + caller!.width + 0.01);
    }
    const processes = frames.filter(({ depth }) => depth === 1);
    assert.deepEqual(
      processes.map(({ name, kind, samples }) => `${name} ${kind} ${samples}`),
      ["nginx process 560", "python3 process 200", "node process 190", "rustc process 40", "kworker/0:1 process 10"],
    );
  });

  test("each frame knows its kind and file", async () => {
    const facts = new Map((await drawnFrames(page)).map(({ name, kind, where }) => [name, `${kind} ${where}`]));
    assert.equal(facts.get("tcp_sendmsg"), "kernel kernel");
    assert.equal(facts.get("sha256_block"), "native libcrypto.so.3");
    assert.equal(facts.get("fib"), "interpreter fib.py");
    assert.equal(facts.get("onRequest"), "jit JIT");
  });

  test("a tooltip says share of all, of the caller, self, samples and CPU time", async () => {
    await hoverFrame(page, "entry_SYSCALL_64_after_hwframe");
    assert.deepEqual(await tooltipOf(page), [
      "entry_SYSCALL_64_after_hwframe",
      "kernel",
      "110 samples · 1.1 s CPU",
      "11.0 %",
      "of all",
      "100 %",
      "of caller",
      "1.0 %",
      "self, of all",
    ]);
    await page.mouse.move(700, 5);
    assert.equal(await tooltipOf(page), undefined);
  });

  test("a click zooms: the frame fills the width, crumbs and shares follow; Escape resets", async () => {
    await clickFrame(page, "ngx_worker");
    const all = await frameNamed(page, "all");
    assert.equal((await frameNamed(page, "ngx_worker")).width, all.width);
    const parse = await frameNamed(page, "ngx_http_parse");
    assert.ok(Math.abs(parse.width - (all.width * 300) / 560) < 0.01);
    assert.deepEqual(await crumbsOf(page), ["all", "nginx", "_start", "main", "ngx_worker"]);
    assert.equal(await textOf(page, "status"), "56.0 % of all · 560 samples · 5.6 s CPU");
    await hoverFrame(page, "ngx_http_parse");
    const tooltip = await tooltipOf(page);
    assert.deepEqual(tooltip?.slice(3, 7), ["30.0 %", "of all", "53.6 %", "of zoomed frame"]);

    await page.keyboard.press("Escape");
    assert.deepEqual(await crumbsOf(page), ["all"]);
    assert.ok((await drawnFrames(page)).some(({ name }) => name === "python3"));
  });

  test("a crumb and a frame above zoom out; Backspace takes the last zoom back", async () => {
    await clickFrame(page, "sha256_block");
    await page.locator("#crumbs button", { hasText: "nginx" }).click();
    assert.deepEqual(await crumbsOf(page), ["all", "nginx"]);
    await page.keyboard.press("Backspace");
    assert.equal((await crumbsOf(page)).at(-1), "sha256_block");
    await clickFrame(page, "main");
    assert.equal((await crumbsOf(page)).at(-1), "main");
    await page.locator("#reset").click();
    assert.deepEqual(await crumbsOf(page), ["all"]);
    assert.ok(await page.locator("#reset").isDisabled());
  });

  test("search shows the share of samples matched, each once, of all and of the zoomed frame", async () => {
    await page.keyboard.press("/");
    await page.keyboard.type("FIB");
    assert.equal(await textOf(page, "matched"), "20.0 %");
    assert.equal(await textOf(page, "status"), "matched 20.0 % of all · 200 samples · 2 names");
    await takeScreenshot(page, "flamegraph-search");
    await page.locator("#query").fill("libcrypto");
    await clickFrame(page, "ngx_worker");
    const status = "matched 15.0 % of all, 26.8 % of the zoomed frame · 150 samples · 1 name";
    assert.equal(await textOf(page, "status"), status);
    await page.locator("#query").fill("nothing like it");
    assert.equal(await textOf(page, "status"), "nothing matches");
    await page.keyboard.press("Escape");
    assert.equal(await page.locator("#query").inputValue(), "");
    assert.equal(await textOf(page, "matched"), "");
    await page.keyboard.press("Escape");
    assert.deepEqual(await crumbsOf(page), ["all"]);
  });

  test("search takes regular expressions, and says when one is broken", async () => {
    await page.locator("#pattern").click();
    await page.locator("#query").fill("^tcp_|^JSON\\.");
    assert.equal(await textOf(page, "matched"), "29.0 %");
    await page.locator("#query").fill("(");
    assert.match((await page.locator("#search").getAttribute("class")) ?? "", /broken/);
    await page.locator("#pattern").click();
    assert.equal(await textOf(page, "status"), "nothing matches");
    await page.keyboard.press("Escape");
  });

  test("flame and icicle are one key apart", async () => {
    const rootAndLeaf = async () => [(await frameNamed(page, "all")).top, (await frameNamed(page, "tcp_sendmsg")).top];
    const [rootUp, leafDown] = await rootAndLeaf();
    assert.ok(rootUp < leafDown);
    await page.keyboard.press("i");
    assert.equal(await textOf(page, "orientation"), "Flame");
    const [rootDown, leafUp] = await rootAndLeaf();
    assert.ok(rootDown > leafUp);
    await hoverFrame(page, "sha256_block");
    assert.equal((await tooltipOf(page))?.[0], "sha256_block");
    await takeScreenshot(page, "flamegraph-flame");
    await page.locator("#flip").click();
    assert.deepEqual(await rootAndLeaf(), [rootUp, leafDown]);
  });

  test("arrows walk the frames, Enter zooms, and a screen reader hears where", async () => {
    const heard = () => page.locator("#announcer").textContent();
    await page.locator("#graph").focus();
    await page.keyboard.press("ArrowDown");
    assert.match((await heard())!, /^all, all, 100 % of all, 1,000 samples$/);
    for (const key of ["ArrowDown", "ArrowRight", "ArrowRight", "ArrowLeft"]) await page.keyboard.press(key);
    assert.equal(await heard(), "python3, process, 20.0 % of all, 200 samples");
    for (let i = 0; i < 4; i++) await page.keyboard.press("ArrowDown");
    assert.equal(await heard(), "fib, interpreter in fib.py, 20.0 % of all, 200 samples");
    // The tooltip follows with the next frame painted.
    await page.locator("#tooltip .name", { hasText: /^fib$/ }).waitFor();
    await takeScreenshot(page, "flamegraph-keyboard");
    await page.keyboard.press("Enter");
    assert.equal((await crumbsOf(page)).at(-1), "fib");
    await page.keyboard.press("ArrowUp");
    assert.equal(await heard(), "fib.py:run, interpreter in fib.py, 20.0 % of all, 200 samples");
    await page.keyboard.press("Escape");
    await page.keyboard.press("i");
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowUp");
    assert.match((await heard())!, /^nginx, process/);
    await page.keyboard.press("i");
  });

  test("n and N go through the matches", async () => {
    await page.keyboard.press("/");
    await page.keyboard.type("_start");
    await page.keyboard.press("Enter");
    assert.match((await page.locator("#announcer").textContent())!, /^_start, native in nginx/);
    await page.keyboard.press("n");
    assert.match((await page.locator("#announcer").textContent())!, /^_start, native in python3/);
    await page.keyboard.press("N");
    await page.keyboard.press("N");
    assert.match((await page.locator("#announcer").textContent())!, /^_start, native in rustc/);
    await page.keyboard.press("Escape");
  });

  test("the legend gives each kind's share and lets it stand out", async () => {
    const entries = await page.locator("#legend button").allInnerTexts();
    assert.deepEqual(
      entries.map((text) => text.replaceAll(/\s+/g, " ")),
      ["native 49.0 %", "inlined 19.0 %", "kernel 12.0 %", "interpreter 20.0 %", "JIT 0 %"],
    );
    const kernel = page.locator("#legend button").nth(2);
    await kernel.click();
    assert.equal(await kernel.getAttribute("aria-pressed"), "true");
    await takeScreenshot(page, "flamegraph-kernel");
    await kernel.click();
    assert.equal(await kernel.getAttribute("aria-pressed"), "false");
  });

  test("? opens the help and Escape closes it", async () => {
    await page.keyboard.press("?");
    assert.ok(await page.locator("#help").isVisible());
    await page.keyboard.press("Escape");
    assert.ok(await page.locator("#help").isHidden());
  });

  test("a profile without samples says so", async () => {
    const empty = await opener.open(renderFlamegraph(new ProfileBuilder().build(), about));
    assert.equal(await empty.page.locator("#graph").getAttribute("data-empty"), "This profile holds no samples.");
    assert.deepEqual(empty.complaints, []);
    await takeScreenshot(empty.page, "flamegraph-empty");
    await empty.page.close();
  });

  test("a stack of three hundred frames can be walked to its leaf, either way up", async () => {
    const frames = Array.from({ length: 300 }, (_, i) => `depth_${i}`);
    const profile = new ProfileBuilder().add(["app", ...frames].join(";"), 9).build();
    const deep = await opener.open(renderFlamegraph(profile, about));
    await deep.page.locator("#graph").focus();
    for (const key of ["ArrowDown", "ArrowUp"]) {
      if (key === "ArrowUp") await deep.page.keyboard.press("i");
      await deep.page.keyboard.press("Home");
      for (let i = 0; i < 301; i++) await deep.page.keyboard.press(key);
      assert.match((await deep.page.locator("#announcer").textContent())!, /^depth_299,/);
      const { top } = await frameNamed(deep.page, "depth_299");
      assert.ok(top >= 0 && top < 900, `the leaf is at ${top}`);
    }
    assert.deepEqual(deep.complaints, []);
    await deep.page.close();
  });
});
