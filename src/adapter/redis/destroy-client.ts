/** What is used of a client of the `redis` package to end it. */
interface DestroyableClient {
  on(event: string, listener: () => void): unknown;
  destroy(): void;
}

/** Clients whose socket has connected, or failed to, and is not connecting again. */
const settled = new WeakSet<DestroyableClient>();

/** Notes from now on how far the client has come: to be called before it connects. */
export function watchClient(client: DestroyableClient): void {
  for (const event of ['connect', 'error']) client.on(event, () => settled.add(client));
  // told when the wait for the next attempt is over
  client.on('reconnecting', () => settled.delete(client));
}

/**
 * Destroys a client that is {@link watchClient watched}. One that is destroyed while its socket connects would connect all the same, and
 * stay: it is destroyed as soon as it has, or has failed.
 */
export function destroyClient(client: DestroyableClient): void {
  if (settled.has(client)) return destroyNow(client);
  client.on('connect', () => destroyNow(client));
  client.on('error', () => destroyNow(client));
}

function destroyNow(client: DestroyableClient): void {
  try {
    client.destroy();
  } catch {
    // it was closed already
  }
}
