import type { EventEmitter } from 'node:events';
import type { RedisStreamsEvents } from '../events.js';
import type { OperationTelemetry, TelemetryPort } from '../telemetry-port.js';
import type { RedisConnection } from './driver.js';

/** Tells the application and the telemetry when a connection is lost and when it is back. */
export function watchConnection(
  connection: RedisConnection,
  events: EventEmitter<RedisStreamsEvents>,
  telemetry: TelemetryPort,
): void {
  const { role } = connection;
  let first = true;
  let outage: OperationTelemetry | undefined;
  connection.on('ready', () => {
    outage?.end();
    outage = undefined;
    events.emit('connectionReady', { role, first });
    first = false;
  });
  connection.on('lost', (error) => {
    outage = telemetry.reconnect(role);
    events.emit('connectionLost', { role, error });
  });
}
