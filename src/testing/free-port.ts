import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// Below the range from which Linux and macOS take ports for outgoing connections. A server that is down for a while would
// otherwise find its port taken by some client, perhaps by one that tries to reach that very server.
const FIRST = 10_000;
const LAST = 22_767;

/** A port of 127.0.0.1 on which nothing listens. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, LAST + 1);
    if (await isFree(port)) {
      return port;
    }
  }
}

/** Whether nothing listens on a port of 127.0.0.1; a paused server still listens. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
