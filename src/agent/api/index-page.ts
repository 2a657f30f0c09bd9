/** What a person finds at /debug/pprof/, as in a Go program. Nothing in it comes from anywhere else. */
export const INDEX = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>hostflame</title>
<h1>hostflame</h1>
<p>CPU profiles of any process of this node, in any language. Each link samples for ten seconds.</p>
<ul>
<li><a href="/debug/pprof/profile?seconds=10">/debug/pprof/profile</a>: pprof, for <code>go tool pprof</code> and scrapers
<li><a href="/flamegraph?seconds=10">/flamegraph</a>: a page
<li><a href="/profiles">/profiles</a>: the last windows' profiles
</ul>
<p>Parameters of the first two: <code>seconds</code> (1 to 300, 30 unless given), <code>namespace</code>, <code>pod</code>,
<code>container</code>, <code>pid</code>; of the last: <code>namespace</code>, <code>pod</code>, <code>container</code>,
<code>service</code>.</p>
</html>
`;
