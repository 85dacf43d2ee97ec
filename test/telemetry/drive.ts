import type { ReceivedMessage } from '../../src/adapter/telemetry-port.js';
import type { createTelemetry } from '../../src/telemetry/index.js';
import { sourceOf, STREAM } from './source.js';

const CHANNEL = 'socket.io#@cluster#';

/** Goes through everything that a node can report, once. */
export function drive(telemetry: ReturnType<typeof createTelemetry>): void {
  telemetry.observe(sourceOf({ outboxSize: () => 1 }));
  happen(telemetry);
}

/** What happens to a node in a while, good and bad. */
export function happen(telemetry: ReturnType<typeof createTelemetry>): void {
  telemetry.handle('/chat', 'message', () => publish(telemetry));
  outage(telemetry);
  read(telemetry);
  requests(telemetry);
  membership(telemetry);
  sessions(telemetry);
}

function publish(telemetry: ReturnType<typeof createTelemetry>): void {
  const message = { stream: STREAM, namespace: '/chat', type: 'broadcast', roomCount: 1, deferred: false } as const;
  const publication = telemetry.publish(message);
  telemetry.write(STREAM, undefined).end();
  publication.published(`${Date.now()}-0`);
  const refused = telemetry.publish(message);
  telemetry.write(STREAM, undefined).end(new RangeError());
  refused.failed(new RangeError());
}

function outage(telemetry: ReturnType<typeof createTelemetry>): void {
  const lost = telemetry.reconnect('writer');
  const message = { stream: STREAM, namespace: '/chat', type: 'sockets_join', roomCount: 1, deferred: true } as const;
  const waiting = [telemetry.publish(message), telemetry.publish(message)];
  for (const publication of waiting) publication.accepted();
  telemetry.dropped(STREAM, 'outbox_full', 1);
  lost.end();
  const flush = telemetry.write(STREAM, waiting);
  waiting.forEach((publication) => publication.published(`${Date.now()}-1`));
  flush.end();
}

function read(telemetry: ReturnType<typeof createTelemetry>): void {
  telemetry.poll(STREAM, 'empty');
  telemetry.poll(STREAM, 'error');
  telemetry.poll(STREAM, 'messages');
  const entry: ReceivedMessage = {
    id: `${Date.now() - 20}-0`,
    uid: 'node-b',
    namespace: '/chat',
    type: 'broadcast',
    own: false,
    carrier: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
  };
  const [skipped, failing] = [{ ...entry }, { ...entry }];
  const receipt = telemetry.receive(STREAM, [entry, skipped, failing]);
  receipt.process(entry, () => 3);
  receipt.process(skipped, () => 0);
  try {
    receipt.process(failing, () => {
      throw new TypeError();
    });
  } catch {
    telemetry.dropped(STREAM, 'handler_error', 1);
  }
  receipt.end();
  telemetry.duplicate(STREAM);
  telemetry.dropped(STREAM, 'gap', 4);
}

function requests(telemetry: ReturnType<typeof createTelemetry>): void {
  for (const type of ['fetch_sockets', 'server_side_emit', 'broadcast_with_ack'] as const) {
    const request = telemetry.request('/chat', type);
    request.run(() => undefined);
    request.end(2, 2);
  }
  telemetry.request('/chat', 'fetch_sockets').end(2, 1, Object.assign(new Error(), { name: 'TimeoutError' }));
}

function membership(telemetry: ReturnType<typeof createTelemetry>): void {
  telemetry.heartbeatSent(CHANNEL).end();
  telemetry.heartbeatSent(CHANNEL).end(new RangeError());
  telemetry.heartbeatReceived(5_010);
  telemetry.transition('joined', 'node-c', 3);
  telemetry.transition('lost', 'node-c', 2);
}

function sessions(telemetry: ReturnType<typeof createTelemetry>): void {
  telemetry.persistSession('/').end();
  telemetry.persistSession('/').end(new RangeError());
  for (const source of ['memory', 'redis'] as const) {
    telemetry.restoreSession('/').end({ outcome: 'restored', source, missedPackets: 3, scannedEntries: 20 });
  }
  for (const outcome of ['trimmed', 'not_found'] as const) {
    telemetry.restoreSession('/').end({ outcome, source: undefined, missedPackets: 0, scannedEntries: 0 });
  }
  const error = new RangeError();
  telemetry
    .restoreSession('/')
    .end({ outcome: 'error', source: undefined, missedPackets: 0, scannedEntries: 0, error });
}
