/** The page's fixed markup, which the viewer finds by id and fills. Holds no data and no inline style or handler. */
export const PAGE_BODY = `
<header id="bar">
  <div id="brand">
    <svg viewBox="0 0 16 16" aria-hidden="true"><path class="outer" d="M8 1C9 4 4 6 4 10a4 4 0 0 0 8 0C12 7 9 5 8 1z"/><path class="inner" d="M8 8c0 2-2 2-2 4a2 2 0 0 0 4 0c0-2-2-2-2-4z"/></svg>
    <div>
      <h1 id="host"></h1>
      <dl id="facts"></dl>
    </div>
  </div>
  <div id="tools">
    <div id="search" role="search">
      <svg viewBox="0 0 16 16" aria-hidden="true"><circle cx="7" cy="7" r="4.5"/><path d="M10.5 10.5 14 14"/></svg>
      <input id="query" type="text" placeholder="Search functions and files" aria-label="Search functions and files" autocomplete="off" spellcheck="false">
      <output id="matched" for="query"></output>
      <button id="pattern" type="button" aria-pressed="false" aria-label="Regular expression" title="Regular expression">.*</button>
    </div>
    <button id="flip" type="button" title="Root at the top or at the bottom (i)"><svg viewBox="0 0 16 16" aria-hidden="true"><path d="M5 3v10M5 13l-2.5-2.5M5 13l2.5-2.5M11 13V3M11 3 8.5 5.5M11 3l2.5 2.5"/></svg><span id="orientation"></span></button>
    <button id="reset" type="button" title="Zoom out to everything (Esc)" disabled>Reset zoom</button>
    <button id="help-open" type="button" title="Keys and colours (?)" aria-label="Help">?</button>
  </div>
</header>
<div id="trail">
  <nav aria-label="Zoomed frame and its callers"><ol id="crumbs"></ol></nav>
  <p id="status" role="status"></p>
</div>
<main id="graph" tabindex="0" role="application" aria-roledescription="flame graph" aria-label="Flame graph: arrow keys move between frames, Enter zooms" aria-describedby="keys"></main>
<footer id="foot">
  <ul id="legend" aria-label="Kinds of code and their share of CPU time"></ul>
  <p id="keys"><kbd>←↑↓→</kbd> move <kbd>Enter</kbd> zoom <kbd>Esc</kbd> reset <kbd>/</kbd> search <kbd>i</kbd> flip <kbd>?</kbd> help</p>
</footer>
<p id="announcer" aria-live="polite"></p>
<dialog id="help" aria-labelledby="help-title">
  <h2 id="help-title">Reading this graph</h2>
  <p>Each box is a function; its width is the share of CPU time spent in it and in what it calls. The boxes that touch it are its caller and the functions it calls, the heaviest first; position from left to right is not time. Colour tells kinds of code apart, shades within a kind mean nothing.</p>
  <table>
    <tr><td><kbd>click</kbd> <kbd>Enter</kbd></td><td>zoom into a frame</td></tr>
    <tr><td><kbd>Backspace</kbd></td><td>back to the zoom before</td></tr>
    <tr><td><kbd>Esc</kbd></td><td>end the search, then zoom out to everything</td></tr>
    <tr><td><kbd>←</kbd> <kbd>→</kbd></td><td>frame beside, in the same row</td></tr>
    <tr><td><kbd>↑</kbd> <kbd>↓</kbd></td><td>caller or heaviest callee, as drawn</td></tr>
    <tr><td><kbd>/</kbd></td><td>search; a match keeps its colour, the share counts each sample once</td></tr>
    <tr><td><kbd>n</kbd> <kbd>N</kbd></td><td>next or previous match</td></tr>
    <tr><td><kbd>i</kbd></td><td>flip between icicle (root at the top) and flame (root at the bottom)</td></tr>
    <tr><td><kbd>?</kbd></td><td>this help</td></tr>
  </table>
  <form method="dialog"><button id="help-close" type="submit">Close</button></form>
</dialog>
`.replaceAll(/\n\s*/g, "\n");
