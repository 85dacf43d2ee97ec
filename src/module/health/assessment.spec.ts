import { describe, expect, it } from 'vitest';
import { assessEmitter, assessServer, figuresOf, type ServerFigures } from './assessment.js';

const thresholds = { maxLag: 1_000, maxOutboxFill: 0.5, maxHeartbeatAge: 10_000 };

const fine: ServerFigures = {
  uid: 'a',
  joined: true,
  nodes: 2,
  sockets: 3,
  connections: { writer: 'ready', reader: 'ready', subscriber: 'ready' },
  lagMs: 1_000,
  outboxSize: 5,
  outboxFill: 0.5,
  heartbeatAgeMs: 10_000,
};

describe('a server', () => {
  it('is fine up to its thresholds', () => {
    expect(assessServer(fine, thresholds)).toEqual({ down: [], degraded: [] });
  });

  it.each<[Partial<ServerFigures>, string]>([
    [{ lagMs: 1_001 }, 'it is 1001 ms behind the end of the stream (more than 1000)'],
    [{ outboxFill: 0.6, outboxSize: 6 }, 'its outbox is 60 % full, with 6 messages (more than 50 %)'],
    [{ heartbeatAgeMs: 10_001 }, 'its own heartbeats have not come back for 10001 ms (more than 10000)'],
  ])('is degraded with %o', (figures, reason) => {
    expect(assessServer({ ...fine, ...figures }, thresholds)).toEqual({ down: [], degraded: [reason] });
  });

  it.each<[Partial<ServerFigures>, string]>([
    [{ joined: false }, 'it has not joined the cluster'],
    [
      { connections: { ...fine.connections, reader: 'reconnecting' }, lagMs: null },
      "the reader's connection to Redis is away (reconnecting)",
    ],
    [{ connections: { ...fine.connections, writer: 'closed' } }, "the writer's connection to Redis is closed for good"],
    [{ lagMs: null }, 'Redis did not answer in time'],
  ])('is down with %o', (figures, reason) => {
    expect(assessServer({ ...fine, ...figures }, thresholds)).toEqual({ down: [reason], degraded: [] });
  });

  it('has the reason of Redis where it did not tell, and none where it could not be asked', () => {
    const failure = new Error('NOPERM no permissions');
    const reasons = (figures: Partial<ServerFigures>): string[] =>
      assessServer({ ...fine, ...figures, lagMs: null }, thresholds, failure).down;
    expect(reasons({})).toEqual(['Redis cannot be asked for the stream: NOPERM no permissions']);
    expect(reasons({ connections: { ...fine.connections, writer: 'connecting' } })).toEqual([
      "the writer's connection to Redis is away (connecting)",
    ]);
  });

  it('has all reasons together', () => {
    const { down, degraded } = assessServer({ ...fine, joined: false, lagMs: 2_000, heartbeatAgeMs: null }, thresholds);
    expect([down.length, degraded.length]).toEqual([1, 1]);
  });
});

it('the worst of several streams is the lag of a server', () => {
  const stream = { stream: 's', position: '1-0', length: 1, retentionMs: 0 };
  const figures = figuresOf(
    {
      uid: 'a',
      joined: true,
      lastHeartbeat: 400,
      members: [{ uid: 'b', since: 1, lastSeen: 2 }],
      connections: [{ role: 'writer', state: 'ready' }],
      outboxSize: 1,
      outboxFill: 0.123456,
      pendingSessions: 0,
      openRequests: 0,
      namespaces: [
        { name: '/', sockets: 2, position: '1-0' },
        { name: '/news', sockets: 3, position: '1-0' },
      ],
      streams: [
        { ...stream, lagMs: 5 },
        { ...stream, lagMs: 70 },
      ],
    },
    1_000,
  );
  expect(figures).toEqual({
    uid: 'a',
    joined: true,
    nodes: 2,
    sockets: 5,
    connections: { writer: 'ready' },
    lagMs: 70,
    outboxSize: 1,
    outboxFill: 0.123,
    heartbeatAgeMs: 600,
  });
});

it('an emitter is down without its connection, and degraded when its outbox fills', () => {
  expect(assessEmitter({ state: 'reconnecting', outboxSize: 6, outboxFill: 0.6 }, thresholds)).toEqual({
    down: ["the writer's connection to Redis is away (reconnecting)"],
    degraded: ['its outbox is 60 % full, with 6 messages (more than 50 %)'],
  });
});
