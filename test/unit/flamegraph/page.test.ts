import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";

import { decodePageData } from "#src/flamegraph/page-data.js";
import { renderFlamegraph } from "#src/flamegraph/page.js";
import { arbitraryProfile, ticksIn } from "../../support/arbitrary-profile.js";
import { knownProfile } from "../../support/known-profile.js";

const about = { host: "node-a7", tool: "hostflame 0.1.0" };

test("the page forbids itself the network and allows its own script and style by their hashes", () => {
  const html = renderFlamegraph(knownProfile(), about);
  const policy = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(html)![1];
  assert.match(policy, /^default-src 'none'; /);
  assert.doesNotMatch(policy, /unsafe|https?:|\*/);
  const [script, style] = [lastBetween(html, "<script>", "</script>"), lastBetween(html, "<style>", "</style>")];
  assert.ok(policy.includes(`script-src '${hashOf(script)}'`));
  assert.ok(policy.includes(`style-src '${hashOf(style)}'`));
});

test("the page names nothing outside itself", () => {
  const html = renderFlamegraph(knownProfile(), about);
  assert.doesNotMatch(html, /(src|href)="(?!data:)/);
  assert.doesNotMatch(html, /@import|url\(/);
});

test("a viewer and a small profile are less than 100 kB", () => {
  assert.ok(renderFlamegraph(knownProfile(), about).length < 100_000);
});

test("no name is in the page's text, and all samples are in its data, for any profile", () => {
  fc.assert(
    fc.property(arbitraryProfile, fc.string(), (profile, host) => {
      const html = renderFlamegraph(profile, { host, tool: host });
      const data = lastBetween(html, 'id="profile">', "</script>");
      assert.match(data, /^[A-Za-z0-9+/=]+$/);
      const { tree } = decodePageData(gunzipSync(Buffer.from(data, "base64")));
      assert.equal(tree.total[0], ticksIn(profile));
      // Markup is what it is without any names: the same tags in the same number.
      assert.equal(html.split("<").length, renderFlamegraph(knownProfile(), about).split("<").length);
    }),
    { numRuns: 25 },
  );
});

function lastBetween(text: string, open: string, close: string): string {
  const from = text.lastIndexOf(open) + open.length;
  return text.slice(from, text.indexOf(close, from));
}

function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
