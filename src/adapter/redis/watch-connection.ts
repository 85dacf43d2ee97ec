import type { EventEmitter } from 'node:events';
import type { RedisStreamsEvents } from '../events.js';
import type { TelemetryPort } from '../telemetry-port.js';
import type { RedisConnection } from './driver.js';

/** Tells the application and the telemetry when a connection is lost and when it is back. */
export function watchConnection(
  connection: RedisConnection,
  events: EventEmitter<RedisStreamsEvents>,
  telemetry: TelemetryPort,
): void {
  const { role } = connection;
  let first = true;
  connection.on('ready', () => {
    events.emit('connectionReady', { role, first });
    first = false;
  });
  connection.on('lost', (error) => {
    const outage = telemetry.reconnect(role);
    connection.whenReady().then(
      () => outage.end(),
      // closed for good
      (closed: unknown) => outage.end(closed),
    );
    events.emit('connectionLost', { role, error });
  });
}
