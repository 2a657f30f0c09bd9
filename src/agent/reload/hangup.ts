/**
 * SIGHUP asks for the configuration to be read again, and never ends the program: not before there is anything to tell, where it
 * is kept for whoever listens, and not while the program ends. So it is made first of all and never let go.
 */
export class Hangup {
  #listener: (() => void) | undefined;
  #isAsked = false;

  constructor() {
    process.on("SIGHUP", () => {
      this.#isAsked = true;
      this.#tell();
    });
  }

  /** One listener, told at once if it was asked before. */
  onAsked(listener: () => void): void {
    this.#listener = listener;
    this.#tell();
  }

  #tell(): void {
    if (!this.#isAsked || this.#listener === undefined) return;
    this.#isAsked = false;
    this.#listener();
  }
}
