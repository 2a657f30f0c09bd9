import { Agent, request, type IncomingMessage } from "node:http";
import { AnswerTooLarge, DeadlineExceeded, MalformedAnswer } from "./protocol.js";

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const MAX_LINE_BYTES = 1024 * 1024;
const MAX_HEADER_BYTES = 16 * 1024;
const ERROR_CHARACTERS = 200;

/** An answer that says no: what Docker's HTTP has instead of a result. */
export class HttpStatusError extends Error {
  override readonly name = "HttpStatusError";

  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** JSON over HTTP/1.1 over a Unix socket, as Docker and Podman speak it. */
export class SocketHttp {
  private agent = new Agent({ keepAlive: true, maxSockets: 8 });

  constructor(private readonly socket: string) {}

  /** GET, and the JSON of a good answer. Rejects with HttpStatusError for another. */
  async json(path: string, timeoutMs: number): Promise<unknown> {
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      const text = (await this.body(await this.get(path, signal))).toString("utf8");
      return parse(text);
    } catch (error) {
      if (signal.aborted) throw new DeadlineExceeded(`no answer within ${timeoutMs} ms`);
      throw error;
    }
  }

  /** GET, and each line of an answer that does not end, as JSON. Ends with the answer, or on the signal. */
  async lines(path: string, signal: AbortSignal, onValue: (value: unknown) => void): Promise<void> {
    const response = await this.get(path, signal);
    if (response.statusCode !== 200) throw errorOf(response, await this.body(response));
    let rest: Buffer = Buffer.alloc(0);
    for await (const chunk of response as AsyncIterable<Buffer>) {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
        const line = rest.toString("utf8", 0, end).trim();
        rest = rest.subarray(end + 1);
        if (line !== "") onValue(parse(line));
      }
      if (rest.length > MAX_LINE_BYTES) throw new AnswerTooLarge(`a line is over ${MAX_LINE_BYTES} bytes`);
    }
  }

  disconnect(): void {
    this.agent.destroy();
    this.agent = new Agent({ keepAlive: true, maxSockets: 8 });
  }

  private get(path: string, signal: AbortSignal): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const options = { socketPath: this.socket, path, agent: this.agent, signal, maxHeaderSize: MAX_HEADER_BYTES };
      request({ ...options, headers: { host: "localhost", accept: "application/json" } })
        .on("response", resolve)
        .on("error", reject)
        .end();
    });
  }

  private async body(response: IncomingMessage): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) {
        response.destroy();
        throw new AnswerTooLarge(`an answer is over ${MAX_ANSWER_BYTES} bytes`);
      }
      chunks.push(chunk);
    }
    const body = Buffer.concat(chunks, bytes);
    if (response.statusCode !== 200) throw errorOf(response, body);
    return body;
  }
}

function errorOf(response: IncomingMessage, body: Buffer): HttpStatusError {
  const text = body.toString("utf8", 0, ERROR_CHARACTERS);
  return new HttpStatusError(response.statusCode ?? 0, `HTTP ${response.statusCode ?? "?"}: ${text}`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new MalformedAnswer("the answer is not JSON");
  }
}
