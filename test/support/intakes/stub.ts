/** How an intake answers, whatever it speaks. */
export type Reply =
  | { readonly kind: "good" | "bad" | "unauthorized" | "tooLarge" | "broken" }
  /** Comes back later: says when. */
  | { readonly kind: "busy"; readonly afterMs: number }
  /** Takes the request and never says a word; breaks or closes the connection; speaks another language; ends within its answer. */
  | { readonly kind: "silent" | "reset" | "close" | "garbage" | "half" }
  /** An answer without end; an answer before the request was read; an answer that repeats all headers. */
  | { readonly kind: "huge" | "early" | "echo" }
  /** This one, over HTTP. */
  | {
      readonly kind: "http";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    };

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** An intake of ours, to be sent to. */
export interface StubIntake {
  readonly url: string;
  readonly received: Received[];
  readonly connections: number;
  answer(reply: Reply): void;
  /** Closes all connections, as a server does with idle ones. */
  drop(): void;
  close(): Promise<void>;
}
