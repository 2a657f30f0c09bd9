/** An intake in a process of its own, to be forked: keeps nothing, is away in the way it is told. */
import { createServer } from "node:http";

let way = "well";
process.on("message", (message: string) => (way = message));
process.on("disconnect", () => process.exit());
const server = createServer((request, response) => {
  if (way === "hang up") {
    request.socket.destroy();
    return;
  }
  request.resume().on("end", () => response.writeHead(way === "well" ? 200 : Number(way)).end());
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.send?.(typeof address === "object" ? address?.port : 0);
});
