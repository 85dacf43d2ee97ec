import type { ConnectionRole, TelemetryPort } from '../../telemetry-port.js';
import { Connection } from '../connection.js';
import { addressText, type ServerAddress } from '../server-address.js';
import type { ClusterNodes } from './topology.js';

/** Connections to the nodes of a cluster, made when they are asked for. */
export class NodePool {
  readonly #connections = new Map<string, Connection>();
  #closed = false;

  constructor(
    private readonly role: ConnectionRole,
    private readonly cluster: ClusterNodes,
    private readonly telemetry: Pick<TelemetryPort, 'suppress' | 'background'>,
    /** A connection was asked for, became ready, or was lost. */
    private readonly onChange: () => void,
  ) {}

  /** Whether those of the nodes that were asked for are reached. */
  reaches(nodes: ReadonlySet<string>): boolean {
    return [...this.#connections].every(([name, { state }]) => state === 'ready' || !nodes.has(name));
  }

  get lastError(): Error | undefined {
    return [...this.#connections.values()].find(({ lastError }) => lastError !== undefined)?.lastError;
  }

  get(address: ServerAddress): Connection {
    const name = addressText(address);
    const known = this.#connections.get(name);
    if (known) return known;
    const connection = new Connection(this.role, this.cluster.open(address), this.telemetry);
    if (this.#closed) connection.close();
    this.#connections.set(name, connection);
    connection.on('ready', this.onChange);
    connection.on('lost', this.onChange);
    // not before the caller has it
    queueMicrotask(this.onChange);
    return connection;
  }

  /** Closes the connections to nodes that are not among these. */
  keep(nodes: { has(name: string): boolean }): void {
    for (const [name, connection] of this.#connections) {
      if (nodes.has(name)) continue;
      this.#connections.delete(name);
      connection.close();
    }
  }

  /** Drops all connections and makes new ones. */
  interrupt(): void {
    for (const connection of this.#connections.values()) connection.interrupt();
  }

  close(): void {
    this.#closed = true;
    this.keep(new Set());
  }
}
