import type { ConnectionRole, TelemetryPort } from '../telemetry-port.js';
import { Connection } from './connection.js';
import type { OpenLink } from './link.js';
import { checked } from './server-check.js';

/** Shortest time between two moves, in milliseconds: Sentinels that do not agree yet must not send the connections to and fro. */
const REST = 1_000;

/** Connections that follow a master. The first that finds it elsewhere takes the others along, who may wait for a reply of the old one. */
export class MasterFollowers {
  #connections: Connection[] = [];
  #movedAt = 0;

  constructor(
    private readonly find: OpenLink,
    private readonly telemetry: Pick<TelemetryPort, 'suppress' | 'background'>,
  ) {}

  open(role: ConnectionRole): Connection {
    const find = checked(this.find, 'master');
    const connection: Connection = new Connection(
      role,
      async (onLost, signal) => {
        const link = await find(onLost, signal);
        this.#move(connection, link.address);
        return link;
      },
      this.telemetry,
    );
    this.#connections = [...this.#connections.filter(({ state }) => state !== 'closed'), connection];
    return connection;
  }

  #move(leader: Connection, address: string | undefined): void {
    const left = this.#connections.filter((one) => one !== leader && one.state === 'ready' && one.address !== address);
    const now = performance.now();
    if (left.length === 0 || now - this.#movedAt < REST) return;
    this.#movedAt = now;
    for (const one of left) one.interrupt();
  }
}
