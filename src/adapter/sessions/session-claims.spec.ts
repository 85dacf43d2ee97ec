import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openConnection, useProxiedRedis } from '../../../test/harness/redis-connections.js';
import { waitFor } from '../../testing/wait-for.js';
import type { RedisConnection } from '../redis/driver.js';
import { SessionClaims } from './session-claims.js';

/** Long enough for whatever is done in a test between two renewals. */
const LONG = 60_000;
const SHORT = 300;

const own = useProxiedRedis();
let prefix: string;
const opened: Array<{ close(): void }> = [];

beforeEach(() => {
  prefix = `${randomUUID()}:`;
});

afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

interface Node {
  claims: SessionClaims;
  connection: RedisConnection;
  renewals: string[];
  lost: string[];
  /** Whether the node gets the session. */
  acquire(token?: string): Promise<boolean>;
}

async function node(duration: number, url = own.redis.url): Promise<Node> {
  const connection = await openConnection(url);
  const renewals: string[] = [];
  const lost: string[] = [];
  const listener = { onRenewal: (pid: string) => renewals.push(pid), onLost: (pid: string) => lost.push(pid) };
  const claims = new SessionClaims(connection, prefix, listener, duration);
  opened.push(claims, connection);
  const acquire = (token: string = randomUUID()): Promise<boolean> =>
    claims.acquire('pid', token, AbortSignal.timeout(20_000));
  return { claims, connection, renewals, lost, acquire };
}

/** As a claim that lapses while nobody looks. */
function lapse(): Promise<unknown> {
  return own.redis.command('DEL', `${prefix}pid:claim`);
}

describe('a claim', () => {
  it('is one node’s, however many come at the same time', async () => {
    const nodes = await Promise.all(Array.from({ length: 5 }, () => node(LONG)));
    for (let round = 0; round < 20; round++) {
      const results = await Promise.all([...nodes, ...nodes].map((one) => one.acquire()));
      expect(results.filter(Boolean)).toHaveLength(1);
      const [holder, ...others] = nodes.filter(({ claims }) => claims.holds('pid'));
      expect(others).toEqual([]);
      await holder!.claims.release('pid')();
    }
    expect(await own.redis.command('EXISTS', `${prefix}pid:claim`)).toBe(0);
  });

  it('is the next one’s when it is released', async () => {
    const [first, second] = [await node(LONG), await node(LONG)];
    expect([await first.acquire(), await second.acquire()]).toEqual([true, false]);
    await first.claims.release('pid')();
    expect([first.claims.holds('pid'), await second.acquire()]).toEqual([false, true]);
  });

  it('that lapsed takes nobody else’s with it', async () => {
    const [first, second, third] = [await node(LONG), await node(LONG), await node(LONG)];
    await first.acquire();
    await lapse();
    expect(await second.acquire()).toBe(true);
    await first.claims.release('pid')();
    expect(await third.acquire()).toBe(false);
  });

  it('outlasts its duration while its node wants it', async () => {
    const duration = 2_000;
    const [holder, other] = [await node(duration), await node(duration)];
    await holder.acquire();
    // a third of the duration lies between two of them
    await waitFor(() => holder.renewals.length > 4, { deadline: 20_000 });
    expect([await other.acquire(), holder.claims.holds('pid'), holder.lost]).toEqual([false, true, []]);
  });

  it('lapses when its node is gone, however often others ask for it', async () => {
    const [dead, other] = [await node(SHORT), await node(SHORT)];
    await dead.acquire();
    dead.claims.close();
    dead.connection.close();
    await waitFor(() => other.acquire());
    expect(other.claims.holds('pid')).toBe(true);
  });

  it('is not renewed when it is to expire, nor when it is let go of as it is about to be', async () => {
    const [holder, other] = [await node(SHORT), await node(SHORT)];
    await holder.acquire();
    holder.claims.expire('pid');
    await waitFor(() => other.acquire());
    await other.claims.release('pid')();
    expect(holder.renewals).toEqual([]);
    // it may have been another's since
    expect([holder.claims.has('pid'), holder.claims.holds('pid'), holder.lost]).toEqual([true, false, []]);
  });

  it('is not sure any more, and is not prolonged, when Redis was away for longer than it lasts', async () => {
    const [holder, other] = [await node(SHORT, own.proxy.url), await node(LONG)];
    await holder.acquire();
    own.proxy.cut();
    await waitFor(() => !holder.claims.holds('pid'));
    await lapse();
    own.proxy.restore();
    await waitFor(() => holder.lost.length > 0);
    expect([holder.lost, holder.claims.has('pid')]).toEqual([['pid'], false]);
    expect(await other.acquire()).toBe(true);
  });

  it('is this node’s own when the reply to it was lost, and its time began with the first attempt', async () => {
    const [holder, other] = [await node(LONG), await node(LONG)];
    await holder.connection.transaction([
      ['RPUSH', `${prefix}pid:claim`, 'token'],
      ['PEXPIRE', `${prefix}pid:claim`, '20000', 'NX'],
    ]);
    expect([await other.acquire(), await holder.acquire('token')]).toEqual([false, true]);
    expect(Number(await own.redis.command('PTTL', `${prefix}pid:claim`))).toBeGreaterThan(20_000);
    await holder.claims.release('pid')();
    expect(await other.acquire()).toBe(true);
  });

  it('is given up in time while Redis says nothing, and does not come to stay when Redis goes on', async () => {
    const [silent, other] = [await node(LONG, own.proxy.url), await node(LONG)];
    own.proxy.stall();
    const abort = new AbortController();
    const refused = expect(silent.claims.acquire('pid', 'token', abort.signal)).rejects.toThrow('long enough');
    abort.abort(new Error('long enough'));
    await refused;
    own.proxy.restore();
    // answered once everything before it is done
    await silent.connection.send(['PING']);
    expect([silent.claims.has('pid'), await other.acquire()]).toEqual([false, true]);
  });

  it('that comes to nothing leaves nothing behind', async () => {
    const [holder, other] = [await node(LONG), await node(LONG)];
    await holder.acquire();
    await other.acquire();
    expect(await own.redis.command('LLEN', `${prefix}pid:claim`)).toBe(1);
  });
});
