import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

// Below the range from which outgoing connections take their ports.
const FIRST = 23_000;
const LAST = 31_000;

/** The first of `count` ports in a row on which nothing listens. */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = randomInt(FIRST, LAST);
    const taken = await Promise.all(
      Array.from({ length: count }, async (_, index) => (await listenOn(first + index))?.close()),
    );
    if (taken.every(Boolean)) {
      return first;
    }
  }
}

/** Takes a port of 127.0.0.1; resolves with nothing if it is taken already. */
export async function listenOn(port: number): Promise<Server | undefined> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
    return server;
  } catch {
    return undefined;
  }
}
