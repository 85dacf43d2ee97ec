import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openConnection, useProxiedRedis } from '../../../test/harness/redis-connections.js';
import { waitFor } from '../../testing/wait-for.js';
import type { ClusterNode } from '../cluster-node.js';
import type { RedisConnection } from '../redis/driver.js';
import type { NamespaceLike, SocketLike } from '../socket-io.js';
import { RecentEntries } from '../stream/recent-entries.js';
import { noopTelemetry } from '../telemetry-port.js';
import { Recovery } from './recovery.js';
import { SessionDesk } from './session-desk.js';
import { SessionStore } from './session-store.js';
import { encodeSession } from './session.js';

const HOUR = 3_600_000;

const own = useProxiedRedis();
let connection: RedisConnection;
let store: SessionStore;
let prefix: string;

beforeEach(async () => {
  prefix = `${randomUUID()}:`;
  connection = await openConnection(own.redis.url);
  store = new SessionStore(connection, prefix, 60_000, { onRenewal: () => undefined, onLost: () => undefined });
});

afterEach(() => {
  store.close();
  connection.close();
});

/** The only node, which has read an empty stream up to here. */
const POSITION = '5-0';

/** Recovery in a namespace of the only node. */
function recovery(over: Partial<ClusterNode['options']> = {}): {
  recovery: Recovery;
  nsp: NamespaceLike;
  sessionNotSaved: ReturnType<typeof vi.fn>;
} {
  const sessionNotSaved = vi.fn();
  const node = {
    uid: 'node',
    closed: false,
    options: { sessions: 'on-disconnect', recentMaxBytes: 0, restoreTimeout: 20_000, heartbeatTimeout: 1_000, ...over },
    telemetry: noopTelemetry,
    commands: connection,
    sessions: store,
    requests: { newId: randomUUID },
    membership: { members: new Map() },
    adapters: new Map<string, unknown>(),
    others: () => [],
    ready: () => Promise.resolve(),
    sessionNotSaved,
    claimSession: (pid: string, signal: AbortSignal) => desk.claim(pid, signal),
    log: {
      streamOf: () => 'stream',
      streamsOf: () => ['stream'],
      position: () => POSITION,
      positions: () => [POSITION],
      recent: () => new RecentEntries('1-0', 0, 0),
    },
  };
  const desk = new SessionDesk(node as unknown as ClusterNode);
  const rooms = new Map<string, ReadonlySet<string>>();
  const nsp = {
    name: '/',
    server: { opts: { connectionStateRecovery: { maxDisconnectionDuration: HOUR } } },
    sockets: new Map<string, SocketLike>(),
  } as unknown as NamespaceLike;
  const host = {
    nsp,
    sids: rooms,
    addAll: (sid: string, names: Set<string>) => rooms.set(sid, names),
    delAll: (sid: string) => rooms.delete(sid),
    write: () => undefined,
  };
  const made = new Recovery(host, node as unknown as ClusterNode);
  node.adapters.set('/', { recovery: made });
  return { recovery: made, nsp, sessionNotSaved };
}

/** As Socket.IO makes one of a session. */
function socket(data: unknown = {}): SocketLike & { conn: { close: ReturnType<typeof vi.fn> } } {
  const one = { id: 'sid', pid: 'pid', rooms: new Set(['sid']), data, conn: { close: vi.fn() } };
  return one as unknown as ReturnType<typeof socket>;
}

/** Writes the session of a client that has left. */
function leave(): Promise<void> {
  const where = { nsp: '/', stream: 'stream', position: POSITION, since: '1-0' };
  return store.save('pid', encodeSession({ sid: 'sid', pid: 'pid', rooms: ['sid'], data: {}, ...where }), HOUR);
}

/** Whether the session is in Redis, and whether there is a claim on it. */
async function kept(): Promise<[session: unknown, claim: unknown]> {
  return [await own.redis.command('EXISTS', `${prefix}pid`), await own.redis.command('EXISTS', `${prefix}pid:claim`)];
}

/** As when Redis took longer to answer than a claim is sure to last: it is there, but nobody can tell. */
function unsure(): void {
  vi.spyOn(store, 'holds').mockReturnValueOnce(false);
}

describe('a claim of which nobody can tell whether it is still there', () => {
  it('is not in the way of the next attempt to restore the session', async () => {
    await leave();
    unsure();
    const restored = await recovery().recovery.restore('pid', POSITION);

    expect(restored).toMatchObject({ sid: 'sid', pid: 'pid' });
    expect(store.holds('pid')).toBe(true);
  });

  it('is given back when the session is given up', async () => {
    await leave();
    vi.spyOn(store, 'holds').mockReturnValue(false);

    expect(await recovery({ restoreTimeout: 100 }).recovery.restore('pid', POSITION)).toBeNull();
    await store.settled();
    expect([await kept(), store.isClaimed('pid')]).toEqual([[1, 0], false]);
  });

  it('is given back when its client is connected, who is cut off', async () => {
    await leave();
    const { recovery: one } = recovery();
    await one.restore('pid', POSITION);
    unsure();
    const late = socket();
    one.connecting(late);
    await waitFor(() => late.conn.close.mock.calls.length === 1);
    await store.settled();

    expect([await kept(), store.isClaimed('pid')]).toEqual([[1, 0], false]);
  });
});

describe('a session that is kept for the case of a crash, whose data cannot be written any more,', () => {
  it('is removed: it is of an earlier time', async () => {
    const { recovery: one, nsp, sessionNotSaved } = recovery({ sessions: 'crash-safe' });
    const connected = socket();
    nsp.sockets.set('sid', connected);
    one.connecting(connected);
    await waitFor(async () => (await kept())[0] === 1);
    connected.data = { balance: 10n };
    one.persist({ sid: 'sid', rooms: ['sid', 'late'], data: connected.data });
    one.gone('sid');
    await store.settled();

    expect(await kept()).toEqual([0, 0]);
    expect(sessionNotSaved).toHaveBeenCalledOnce();
  });

  it('is neither there nor claimed while its client, who has come back, is connected, and is kept again when it can be', async () => {
    await leave();
    const { recovery: one, nsp } = recovery({ sessions: 'crash-safe' });
    await one.restore('pid', POSITION);
    const connected = socket({ balance: 10n });
    nsp.sockets.set('sid', connected);
    one.connecting(connected);
    await waitFor(() => !store.isClaimed('pid'));
    await store.settled();
    expect(await kept()).toEqual([0, 0]);

    connected.data = { balance: '10' };
    one.keepAll();
    await waitFor(async () => (await kept())[0] === 1);
  });
});
