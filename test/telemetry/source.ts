import type { TelemetrySource } from '../../src/adapter/telemetry-port.js';

export const STREAM = 'socket.io';

/** What a node says of itself, with whatever the test needs it to say. */
export function sourceOf(overrides: Partial<TelemetrySource> = {}): TelemetrySource {
  return {
    uid: 'node-a',
    server: { address: '127.0.0.1', port: 6379 },
    streamNames: [STREAM],
    clusterSize: () => 3,
    outboxSize: () => 0,
    isDynamic: (namespace) => namespace.startsWith('/dynamic-'),
    connectionStates: () => [
      { role: 'writer', state: 'ready' },
      { role: 'reader', state: 'ready' },
      { role: 'subscriber', state: 'ready' },
    ],
    connections: () => [
      { namespace: '/', dynamic: false, count: 2 },
      { namespace: '/dynamic-1', dynamic: true, count: 1 },
    ],
    streams: () => Promise.resolve([{ stream: STREAM, length: 10, lagMs: 250, retentionMs: 60_000 }]),
    ...overrides,
  };
}
