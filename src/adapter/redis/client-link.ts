import { toError } from '../errors.js';
import type { Link, OpenLink } from './link.js';

/** How one client library makes a connection, and tells of it. */
export interface ClientLibrary<Client> {
  create(): Client;
  /** Tells `fail` of whatever ends the connection, and `ready` when it takes commands; then connects. */
  connect(client: Client, ready: () => void, fail: (error: unknown) => void): void;
  destroy(client: Client): void;
  link(client: Client, end: () => void): Link;
}

/** Makes links of clients, each of which is used until its first error. */
export function clientLink<Client>(library: ClientLibrary<Client>): OpenLink {
  return (onLost, signal) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const client = library.create();
      let link: Link | undefined;
      let over = false;
      const end = (): boolean => {
        if (over) return false;
        over = true;
        signal.removeEventListener('abort', onAbort);
        library.destroy(client);
        return true;
      };
      const fail = (error: unknown): void => {
        if (!end()) return;
        if (link) onLost(toError(error));
        else reject(toError(error));
      };
      const onAbort = (): void => {
        if (!link) fail(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      const ready = (): void => {
        if (over) return;
        link = library.link(client, end);
        resolve(link);
      };
      library.connect(client, ready, fail);
    });
}
