import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

/** An intake like Datadog's that takes everything, and knows of which windows it was sent profiles. */
export class CountingIntake {
  /** Starts of windows, as they came. */
  readonly starts: string[] = [];
  private readonly server = createServer((request, response) => {
    void this.take(request).then(() => response.writeHead(200).end());
  });

  static async start(): Promise<CountingIntake> {
    const intake = new CountingIntake();
    intake.server.listen(0, "127.0.0.1");
    await once(intake.server, "listening");
    return intake;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Windows, each once. */
  get windows(): readonly string[] {
    return [...new Set(this.starts)];
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async take(request: IncomingMessage): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const [, start] = /"start":"([^"]+)"/.exec(Buffer.concat(parts).toString("latin1")) ?? [];
    this.starts.push(start ?? "no start");
  }
}
