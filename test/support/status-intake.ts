import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

export interface TakenRequest {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An intake that takes what comes with a status of the test's choice, and keeps it. */
export class StatusIntake {
  status = 200;
  readonly asked: TakenRequest[] = [];
  readonly accepted: TakenRequest[] = [];
  private readonly server = createServer((request, response) => {
    void this.take(request).then(() => response.writeHead(this.status).end());
  });

  async open(): Promise<string> {
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async take(request: IncomingMessage): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const taken = { url: request.url ?? "", headers: request.headers, body: Buffer.concat(parts).toString("latin1") };
    this.asked.push(taken);
    if (this.status === 200) this.accepted.push(taken);
  }
}
