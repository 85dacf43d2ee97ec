import { ServerResponse, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SocketIoServer, SocketIoSocket } from './socket-io.types.js';

type Connection = SocketIoSocket['conn'];
type HandshakeRequest = IncomingMessage & { _query?: Record<string, unknown> };

/** Time between two steps, in milliseconds. */
const STEP = 100;

/**
 * Refuses every client that comes from now on, with status 503: a load balancer that tries another node then, as nginx does with
 * `proxy_next_upstream http_503`, does so unseen; otherwise the client itself tries again. Those that are there go on.
 */
export function refuseClients(server: SocketIoServer): void {
  server.engine.use((request: HandshakeRequest, response: unknown, next: () => void) => {
    if (request._query?.['sid'] !== undefined) return next();
    if (response instanceof ServerResponse) {
      response.writeHead(503, { 'Content-Type': 'text/plain', Connection: 'close' }).end('server shutting down');
    } else {
      request.socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    }
  });
}

/**
 * Disconnects the clients evenly over `duration` ms, so that the nodes that take them over are not stormed. Their sessions are saved, and
 * they are left to come back: to a client it is a lost connection.
 */
export async function handOver(server: SocketIoServer, duration: number): Promise<void> {
  const start = performance.now();
  let gone = 0;
  for (;;) {
    const clients = clientsOf(server);
    const elapsed = performance.now() - start;
    const share = elapsed < duration ? elapsed / duration : 1;
    const due = Math.max(0, Math.floor((gone + clients.size) * share) - gone);
    for (const [connection, sockets] of [...clients].slice(0, due)) {
      // as Server.close() does, which is why it is the reason that gateways are told
      for (const socket of sockets) socket._onclose('server shutting down');
      // what was written is sent first
      connection.close();
      gone++;
    }
    if (clients.size <= due) return;
    await sleep(Math.min(STEP, duration - elapsed));
  }
}

/** The connections of a server, each with its sockets in all namespaces. */
function clientsOf(server: SocketIoServer): Map<Connection, SocketIoSocket[]> {
  const { clients } = server.engine as unknown as { clients: Record<string, Connection> };
  const open = Object.values(clients).filter(({ readyState }) => readyState === 'open');
  const result = new Map<Connection, SocketIoSocket[]>(open.map((connection) => [connection, []]));
  for (const { sockets } of server._nsps.values()) {
    for (const socket of sockets.values()) result.get(socket.conn)?.push(socket);
  }
  return result;
}
