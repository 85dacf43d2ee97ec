import type { ConnectionRole, TelemetryPort } from '../telemetry-port.js';
import { Connection } from './connection.js';
import type { OpenLink } from './link.js';
import { checked } from './server-check.js';

/** Shortest time between two moves, in milliseconds: Sentinels that do not agree yet must not send the connections to and fro. */
const REST = 1_000;

/**
 * Connections that follow a master. The first that finds it elsewhere, or finds that its server is none any more, takes the others along:
 * they may wait for a reply of the old one, or publish on its channels, and listen to them, when everybody else is on the new one.
 */
export class MasterFollowers {
  #connections: Connection[] = [];
  #movedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly find: OpenLink,
    private readonly telemetry: Pick<TelemetryPort, 'suppress' | 'background'>,
    /** What is found is the master's only address. A name may lead to several, as those of proxies before one and the same server. */
    private readonly byAddress: boolean,
  ) {}

  open(role: ConnectionRole): Connection {
    const find = checked(this.find, 'master');
    const connection: Connection = new Connection(
      role,
      async (onLost, signal) => {
        const link = await find(onLost, signal);
        if (this.byAddress) this.#move(connection, link.address);
        return link;
      },
      this.telemetry,
      () => this.#leave(connection),
    );
    this.#connections = [...this.#connections.filter(({ state }) => state !== 'closed'), connection];
    return connection;
  }

  /** Those that are being made, too: they may have been told that it is the master just before. */
  #leave(leader: Connection): void {
    for (const one of this.#connections) if (one !== leader) one.interrupt();
  }

  #move(leader: Connection, address: string | undefined): void {
    const left = this.#connections.filter((one) => one !== leader && one.state === 'ready' && one.address !== address);
    const now = performance.now();
    if (left.length === 0 || now - this.#movedAt < REST) return;
    this.#movedAt = now;
    for (const one of left) one.interrupt();
  }
}
