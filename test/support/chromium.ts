import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";

const EXECUTABLE = "/usr/bin/chromium";

/** Why no page can be opened, or false. */
export const chromiumMissing = existsSync(EXECUTABLE) ? false : `no ${EXECUTABLE} (apt-get install chromium)`;

/** Nothing that Chromium does of its own accord goes to the network. */
const ARGUMENTS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A page, with what it said and asked for. */
export interface OpenedPage {
  readonly page: Page;
  /** Console errors, warnings and exceptions. */
  readonly complaints: string[];
  /** Addresses requested, the page's own not among them. */
  readonly requests: string[];
  /** From the start of the load to the graph being drawn. */
  readonly readyMs: number;
}

/** A browser for one test file; close it. */
export class PageOpener {
  readonly #browser: Browser;
  readonly #directory = mkdtempSync(join(tmpdir(), "hostflame-pages-"));
  #pages = 0;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async launch(): Promise<PageOpener> {
    return new PageOpener(await chromium.launch({ executablePath: EXECUTABLE, args: ARGUMENTS }));
  }

  /** Opens a flame graph from disk, as a person would. Without motion and light, 1400 × 900, unless told. */
  async open(html: string, options: BrowserContextOptions = {}): Promise<OpenedPage> {
    const file = join(this.#directory, `${this.#pages++}.html`);
    writeFileSync(file, html);
    const address = pathToFileURL(file).href;
    const context = await this.#browser.newContext({
      viewport: { width: 1400, height: 900 },
      reducedMotion: "reduce",
      colorScheme: "light",
      ...options,
    });
    const page = await context.newPage();
    const complaints: string[] = [];
    const requests: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("request", (request) => {
      // Chromium lists inline data: among its requests; nothing leaves the page for it.
      if (request.url() !== address && !request.url().startsWith("data:")) requests.push(request.url());
    });
    const started = performance.now();
    await page.goto(address);
    await page.evaluate("window.hostflame");
    return { page, complaints, requests, readyMs: performance.now() - started };
  }

  async close(): Promise<void> {
    await this.#browser.close();
    rmSync(this.#directory, { recursive: true });
  }
}
