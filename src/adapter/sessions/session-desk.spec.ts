import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { openConnection } from '../../../test/harness/redis-connections.js';
import { RedisServer } from '../../testing/redis-server.js';
import { waitFor } from '../../testing/wait-for.js';
import { Bus } from '../cluster/bus.js';
import { PubSubCarrier } from '../cluster/pubsub-carrier.js';
import { Requests } from '../cluster/requests.js';
import type { ClusterNode } from '../cluster-node.js';
import type { RedisConnection } from '../redis/driver.js';
import { noopTelemetry } from '../telemetry-port.js';
import { SessionDesk } from './session-desk.js';
import { SessionStore } from './session-store.js';
import { encodeSession, type StoredSession } from './session.js';

const HOUR = 3_600_000;

let redis: RedisServer;
let prefix: string;
let uids: string[];
let nodes: Node[];

beforeAll(async () => {
  redis = await RedisServer.start();
});

afterAll(() => redis.stop());

beforeEach(() => {
  prefix = randomUUID();
  uids = [];
  nodes = [];
});

afterEach(() => nodes.forEach((node) => node.close()));

/** A session as it is written; `rooms` tells one state of it from the next. */
function session(room: string, over: Partial<StoredSession> = {}): StoredSession {
  return { sid: 'sid', pid: 'pid', rooms: [room], data: {}, ...over };
}

/** What of a node has to do with sessions: everything but the namespaces is as it is in one. */
class Node {
  readonly requests = new Requests();
  readonly sessions: SessionStore;
  readonly bus: Bus;
  readonly desk: SessionDesk;
  readonly options = { heartbeatInterval: 1_000 };
  readonly telemetry = noopTelemetry;
  closed = false;
  /** What the one namespace does. */
  readonly recovery = {
    surrender: vi.fn((_pid: string) => Promise.resolve(false)),
    review: vi.fn(),
    lost: vi.fn(),
    keepAll: vi.fn(),
  };
  readonly adapters = new Map([
    ['/', { recovery: this.recovery }],
    ['/without', { recovery: undefined }],
  ]);
  /** Its desk takes no messages: a node that is dead, and not known to be. */
  silent = false;

  private constructor(
    readonly uid: string,
    private readonly connections: readonly [commands: RedisConnection, subscriber: RedisConnection],
  ) {
    const [commands, subscriber] = connections;
    this.bus = new Bus(new PubSubCarrier(commands, subscriber, false), prefix, () => undefined);
    this.sessions = new SessionStore(commands, `${prefix}:`, 60_000, {
      onRenewal: () => undefined,
      onLost: () => undefined,
    });
    this.desk = new SessionDesk(this as unknown as ClusterNode);
  }

  static async start(uid: string): Promise<Node> {
    const connections = await Promise.all([openConnection(redis.url), openConnection(redis.url, 'subscriber')]);
    const node = new Node(uid, connections);
    for (const channel of [node.bus.clusterChannel, node.bus.nodeChannel(uid)]) {
      await node.bus.subscribe(channel, (message) => {
        if (!node.silent) node.desk.receive(message);
      });
    }
    uids.push(uid);
    nodes.push(node);
    return node;
  }

  get membership(): { members: Map<string, unknown> } {
    return { members: new Map(this.others().map((uid) => [uid, {}])) };
  }

  others(): string[] {
    return uids.filter((uid) => uid !== this.uid);
  }

  save(stored: StoredSession): Promise<void> {
    return this.sessions.save(stored.pid, encodeSession(stored), HOUR);
  }

  claim(signal = AbortSignal.timeout(20_000)): Promise<StoredSession | undefined> {
    return this.desk.claim('pid', signal);
  }

  close(): void {
    this.desk.stop();
    this.requests.closeAll();
    this.sessions.close();
    for (const connection of this.connections) connection.close();
  }
}

describe('a session that is claimed', () => {
  it('is taken from Redis, and this node’s from then on', async () => {
    const a = await Node.start('a');
    await a.save(session('stored'));

    expect(await a.claim()).toEqual(session('stored'));
    expect(a.sessions.holds('pid')).toBe(true);
  });

  it('is nobody’s where neither Redis nor any node has it, and is left unclaimed', async () => {
    const [a, b] = [await Node.start('a'), await Node.start('b')];

    expect(await a.claim()).toBeUndefined();
    expect(b.recovery.surrender).toHaveBeenCalledWith('pid');
    await a.sessions.settled();
    expect(await redis.command('EXISTS', `${prefix}:pid:claim`)).toBe(0);
  });

  it('is let go of by this node itself first, and read once that is written', async () => {
    const a = await Node.start('a');
    await a.save(session('before'));
    a.recovery.surrender.mockImplementationOnce(() => {
      void a.save(session('after'));
      return Promise.resolve(true);
    });

    expect(await a.claim()).toEqual(session('after'));
  });

  it('is let go of by the node whose client it was, which had not noticed', async () => {
    const [a, b] = [await Node.start('a'), await Node.start('b')];
    b.recovery.surrender.mockImplementation(() => {
      if (b.recovery.surrender.mock.calls.length > 1) return Promise.resolve(false);
      void b.save(session('from b'));
      return Promise.resolve(true);
    });

    expect(await a.claim()).toEqual(session('from b'));
  });

  it('is not taken as it was kept for the case of a crash, while the node that kept it may have a later one', async () => {
    const [a, b] = [await Node.start('a'), await Node.start('b')];
    await b.save(session('kept', { owner: 'b' }));
    b.recovery.surrender.mockImplementationOnce(() => {
      void b.save(session('later'));
      return Promise.resolve(true);
    });

    expect(await a.claim()).toEqual(session('later'));
  });

  it('is taken as it was kept for the case of a crash, where the node that kept it is gone', async () => {
    const a = await Node.start('a');
    await a.save(session('kept', { owner: 'gone' }));

    expect(await a.claim()).toEqual(session('kept', { owner: 'gone' }));
  });

  it('is waited for while another node has taken it, which may give it back', async () => {
    const [a, b] = [await Node.start('a'), await Node.start('b')];
    await b.save(session('stored'));
    await b.claim();
    const claim = a.claim();
    await waitFor(() => b.recovery.surrender.mock.calls.length > 2, { what: 'the first attempts' });
    await b.sessions.release('pid');

    expect(await claim).toEqual(session('stored'));
    expect([a.sessions.holds('pid'), b.sessions.holds('pid')]).toEqual([true, false]);
  });

  it('is waited for only as long as it may be', async () => {
    const [a, b] = [await Node.start('a'), await Node.start('b')];
    await b.save(session('stored'));
    await b.claim();
    const abort = new AbortController();
    const refused = expect(a.claim(abort.signal)).rejects.toThrow('long enough');
    await waitFor(() => b.recovery.surrender.mock.calls.length > 2, { what: 'the first attempts' });
    abort.abort(new Error('long enough'));
    await refused;
    expect(b.sessions.holds('pid')).toBe(true);
  });

  it('is not waited for with those that say nothing: they have nothing, or are dead', async () => {
    const [a, b] = [await Node.start('a'), await Node.start('b')];
    b.silent = true;

    expect(await a.claim()).toBeUndefined();
  });

  it('is not waited for longer than it may be while another node says nothing', async () => {
    const [a, b] = [await Node.start('a'), await Node.start('b')];
    b.silent = true;
    const abort = new AbortController();
    const refused = expect(a.claim(abort.signal)).rejects.toThrow('long enough');
    await waitFor(() => a.requests.size === 1, { what: 'the other node to be asked' });
    abort.abort(new Error('long enough'));
    await refused;
    // the question is still open
    expect(a.requests.size).toBe(1);
  });

  it('is taken by nobody who is closing', async () => {
    const a = await Node.start('a');
    await a.save(session('stored'));
    a.closed = true;

    await expect(a.claim()).rejects.toMatchObject({ name: 'AdapterClosedError' });
  });

  it('is one node’s, however many claim it at once', async () => {
    const all = [await Node.start('a'), await Node.start('b'), await Node.start('c')];
    await all[0]!.save(session('stored'));
    const abort = new AbortController();
    const claims = Promise.allSettled(all.map((node) => node.claim(abort.signal)));
    await waitFor(() => all.every(({ recovery }) => recovery.surrender.mock.calls.length > 10), {
      deadline: 20_000,
      what: 'many attempts',
    });
    abort.abort(new Error('enough'));

    const outcomes = (await claims).map((claim) => (claim.status === 'fulfilled' ? claim.value : 'refused'));
    expect(outcomes).toHaveLength(3);
    expect(outcomes.filter((outcome) => outcome !== 'refused')).toEqual([session('stored')]);
  });
});

describe('the desk', () => {
  it('takes what is about sessions, malformed or not, and nothing else', async () => {
    const [a, b] = [await Node.start('a'), await Node.start('b')];
    const { surrender } = b.recovery;
    const types = ['session_query', 'session_answer', 'census_query', 7];
    for (const data of [undefined, null, 'text', {}, { pid: 1, requestId: 'r' }, { pid: 'pid', requestId: 1 }]) {
      expect(types.map((type) => b.desk.receive({ uid: 'a', type, data }))).toEqual([true, true, false, false]);
    }
    // its own
    expect(b.desk.receive({ uid: 'b', type: 'session_query', data: { pid: 'pid', requestId: 'r' } })).toBe(true);
    expect(surrender).not.toHaveBeenCalled();
    b.desk.receive({ uid: a.uid, type: 'session_query', data: { pid: 'pid', requestId: 'r' } });
    expect(surrender).toHaveBeenCalledWith('pid');
  });

  it('passes on to the namespaces that recover what becomes of a claim', async () => {
    const { desk, recovery } = await Node.start('a');
    desk.review('pid');
    desk.lost('other');

    expect([recovery.review.mock.calls, recovery.lost.mock.calls]).toEqual([[['pid']], [['other']]]);
  });

  it('has the sessions of connected clients written at each heartbeat, until it is stopped', async () => {
    const { desk, recovery, options } = await Node.start('a');
    vi.useFakeTimers();
    try {
      desk.keepSessions();
      vi.advanceTimersByTime(3 * options.heartbeatInterval);
      desk.stop();
      vi.advanceTimersByTime(3 * options.heartbeatInterval);
    } finally {
      vi.useRealTimers();
    }
    expect(recovery.keepAll).toHaveBeenCalledTimes(3);
  });
});
